"""numba's ``njit``, for results that are the same whichever process compiled them, or compiles beside it."""

import functools
import uuid

import numba
from numba.core import caching

# Left unsaid, numba takes over the rounding rules of whatever function first asks for a compilation:
# PyTensor's, which allow sums and products to be fused or regrouped, or those of one that came from a cache,
# which do not. One process then differs from the next in the last bit. So it is said for every kernel.
njit = functools.partial(numba.njit, fastmath=False)
# For helpers: a function of its own is optimised when it is compiled, and again within each that calls it.
inlined = functools.partial(njit, inline="always")

# Numba numbers the files of its cache by what an index lists. Two processes that compile at once read the
# same index and may give the code of two functions one name. So a process gives names of its own.
_PROCESS = uuid.uuid4().hex[:12]


def _data_name(self, number):
    return self._data_name_pattern.format(number=number).replace(".nbc", f".{_PROCESS}.nbc")


caching.IndexDataCacheFile._data_name = _data_name
