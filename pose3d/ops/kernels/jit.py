"""numba's ``njit``, for results that are the same whichever process compiled them."""

import functools

import numba

# Left unsaid, numba takes over the rounding rules of whatever function first asks for a compilation:
# PyTensor's, which allow sums and products to be fused or regrouped, or those of one that came from a cache,
# which do not. One process then differs from the next in the last bit. So it is said for every kernel.
njit = functools.partial(numba.njit, fastmath=False)
