"""Two processes that compile one function for different types at once, against one cache."""

import subprocess
import sys

MODULE = """
import sys
from pose3d.ops.jit import njit
from numba.core import caching

@njit(cache=True)
def half(x):
    return x / 2

if len(sys.argv) > 1:
    def waiting(do):
        def wait(*arguments):
            print("ready", flush=True)
            sys.stdin.readline()
            do(*arguments)
        return wait

    for name in ("_save_index", "_save_data"):
        setattr(caching.IndexDataCacheFile, name, waiting(getattr(caching.IndexDataCacheFile, name)))
    half(eval(sys.argv[1]))
else:
    print(half(3), half(3.0), half(3j), [sum(half.stats.cache_hits.values())])
"""


def test_neither_takes_the_others_code(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "halves.py").write_text(MODULE, encoding="utf-8")
    command = [sys.executable, "halves.py"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": tmp_path, "bufsize": 1}
    one, two = (subprocess.Popen([*command, value], **pipes) for value in ("3.0", "3j"))
    for process in (one, two):  # both have read the empty index
        assert process.stdout.readline() == "ready\n"
    two.stdin.write("index\n")
    assert two.stdout.readline() == "ready\n"
    one.communicate("index\ncode\n", timeout=60)  # its index replaces the other's
    two.communicate("code\n", timeout=60)
    assert (one.returncode, two.returncode) == (0, 0)
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "1.5 1.5 1.5j [1]\n"
