"""numba's ``njit``, for results that are the same whichever process compiled them, or compiles beside it."""

import functools
import uuid

import numba
from numba.core import caching

# Numba numbers the files of its cache by what an index lists. Two processes that compile at once read the
# same index and may give the code of two functions one name. So a process gives names of its own.
_PROCESS = uuid.uuid4().hex[:12]


class _Files(caching.IndexDataCacheFile):
    def _data_name(self, number):
        return super()._data_name(number).replace(".nbc", f".{_PROCESS}.nbc")


class Cache(caching.FunctionCache):
    """numba's cache of one function on disk, with files that no other process names alike."""

    def __init__(self, py_func):
        super().__init__(py_func)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)


def cached(dispatcher):
    """A compiled function that keeps its code in a `Cache`."""
    dispatcher._cache = Cache(dispatcher.py_func)
    return dispatcher


def njit(function=None, *, cache=False, **options):
    """``numba.njit`` with these files and with rounding rules of its own.

    Left unsaid, numba takes over those of whatever function first asks for a compilation: PyTensor's, which
    allow sums and products to be fused or regrouped, or those of one that came from a cache, which do not.
    One process then differs from the next in the last bit.
    """
    if function is None:
        return functools.partial(njit, cache=cache, **options)
    compiled = numba.njit(fastmath=False, **options)(function)
    return cached(compiled) if cache else compiled


# For helpers: a function of its own is optimised when it is compiled, and again within each that calls it.
inlined = functools.partial(njit, inline="always")
