"""Large arrays that the allocator keeps for the next step."""

import ctypes
import sys
from functools import cache

# Names of glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
KEPT = 2**31 - 1


@cache
def keep_freed_memory():
    """Tell glibc to keep what is freed, not to hand it back to the system and fault it in again.

    Every training step frees and asks for the same tens of megabytes, every frame of a build for the
    same few. Other C libraries are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, KEPT), (M_TOP_PAD, 2**26)):
            library.mallopt(option, value)
