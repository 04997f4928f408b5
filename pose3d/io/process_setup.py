"""Threads, cache folder and memory of this process, set before a numerical library is imported.

This module imports none, because they read its environment variables when they are loaded.
"""

import atexit
import ctypes
import gc
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

from pose3d.io.resources import HEAD_START, affinity, allowed_cores, cores, local_rank_count, rank_count

# Numba's, without tbb, which needs a package that is not among the requirements.
_THREADING_LAYERS = ("default", "safe", "threadsafe", "forksafe", "omp", "workqueue")
_THREAD_COUNTS = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")

# Names of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def is_command():
    """Whether this process is a command of ours, ``python -m pose3d...``, and no other program's."""
    return re.search(r" -\w*m ?pose3d(\.| |$)", " ".join(sys.orig_argv)) is not None


def prepare_process():
    """Set threads, cache folder, memory and garbage collection of the whole process, where the user has not.

    A command does so when `pose3d` is imported, before a numerical library is, which reads environment
    variables when it is loaded. Another program calls this itself, or stays as it is.
    """
    # The kernels' threads and those of the matrix library take turns, many times in a step. Left alone, each
    # spins for a while after its turn and takes the core from the other: a step takes half as long again.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    share_cores()
    find_cache_folder()
    keep_freed_memory()
    collect_less()
    if rank_count() > 1:
        sys.excepthook = _end_ranks  # until MPI is started


def _end_ranks(*error):
    """Print what ends this rank while it imports, and end it by a signal: then mpiexec ends the others."""
    sys.__excepthook__(*error)
    print("error: this rank failed before MPI was started; it ends the others", file=sys.stderr, flush=True)
    time.sleep(HEAD_START)
    os.kill(os.getpid(), signal.SIGTERM)


def share_cores(root=Path("/")):
    """Give each rank of this machine its share of the cores, unless the user has set a number of threads.

    Numba and OpenBLAS read these variables when they are loaded. Without them, each rank would start one
    thread for every core of the machine, and so would a process with a quota of few.
    """
    _correct_variables()
    ranks, mine = local_rank_count(), cores(root)
    # By the launcher.
    bound = hasattr(os, "sched_getaffinity") and allowed_cores(0) < allowed_cores(os.getppid())
    if ranks > 1 or mine < affinity():
        share = mine if bound else max(1, mine // ranks)
        threads = os.environ.get("OMP_NUM_THREADS", str(share))
        for name in _THREAD_COUNTS:
            os.environ.setdefault(name, threads)


def _correct_variables():
    """Make thread counts numbers, and let numba compile: numba and PyTensor end on anything else."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        _ignore("NUMBA_DISABLE_JIT", "the kernels exist as compiled code only")
    if os.environ.get("NUMBA_THREADING_LAYER", "default") not in _THREADING_LAYERS:
        _ignore("NUMBA_THREADING_LAYER", f"it is none of {', '.join(_THREADING_LAYERS)}")
    for name in _THREAD_COUNTS:
        # OpenMP's "4,2" gives the threads of nested levels. There is one level here.
        given = os.environ.get(name, "")
        count = given.partition(",")[0].strip()
        if count.isdecimal() and int(count):
            os.environ[name] = count
        elif name in os.environ:
            _ignore(name, "it is no number of threads")


def _ignore(name, why):
    """Remove an environment variable, with a note if it has a value."""
    if value := os.environ.pop(name):
        print(f"note: {name}={value} is ignored, {why}", file=sys.stderr)


def keep_freed_memory():
    """Let glibc keep freed memory, to save the page faults of allocating it again.

    Every training step, and every frame of a build, frees and allocates the same large arrays. Nothing
    changes under other C libraries.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26)):
            library.mallopt(option, value)


def collect_less():
    """Search for garbage less often, and not at the end: what is imported and compiled is much, and stays.

    A search at the end of the process took half a second, those while it compiles a tenth of that time.
    """
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)


def find_cache_folder():
    """Keep compiled code in a temporary folder if the home folder cannot be written.

    PyTensor and numba read these variables when they are loaded, and end if they cannot write there.
    """
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "base_compiledir" in flags or _is_writable(_pytensor_folder()):
        return
    folder = Path(tempfile.gettempdir(), f"pose3d-{os.getuid() if hasattr(os, 'getuid') else 'cache'}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
        folder = Path(tempfile.mkdtemp(prefix="pose3d-"))  # another user's
    print(f"note: the home folder cannot be written; compiled code is kept in {folder}", file=sys.stderr)
    os.environ["PYTENSOR_FLAGS"] = f"{flags},base_compiledir={folder}".lstrip(",")
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))


def _pytensor_folder():
    """Where PyTensor keeps compiled code by default; None if there is no home folder."""
    if sys.platform == "win32" and "LOCALAPPDATA" in os.environ:
        return Path(os.environ["LOCALAPPDATA"], "PyTensor")
    try:
        return Path(os.environ.get("HOME") or Path.home(), ".pytensor")
    except RuntimeError:
        return None


def _is_writable(folder):
    if folder is None:
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
