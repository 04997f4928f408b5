import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from pose3d.errors import UserError
from pose3d.io.processes import run_all


def test_every_task_is_done_and_its_error_is_its_own():
    tasks = [(text, base) for text, base in [("11", 2), ("zz", 10), ("7", 8)]]
    futures = dict(run_all(int, tasks, workers=2))
    assert sorted(futures) == [0, 1, 2]
    assert futures[0].result() == 3
    assert futures[2].result() == 7
    with pytest.raises(ValueError, match="zz"):
        futures[1].result()
    assert not multiprocessing.active_children()
    assert list(run_all(int, [], workers=2)) == []


def test_leaving_early_ends_the_processes_at_once():
    with contextlib.closing(run_all(time.sleep, [(0.01,), (60,), (60,)], workers=2)) as finished:
        assert next(finished)[0] == 0
        workers = multiprocessing.active_children()
    assert [worker.exitcode for worker in workers] == [-signal.SIGTERM] * 2  # 0: they had slept to their end


def test_a_killed_worker_is_reported():
    with pytest.raises(UserError, match="worker process was killed.*fewer --workers"):
        list(run_all(os._exit, [(9,)], workers=1))  # ends the worker as a kill would


def test_a_script_that_starts_itself_again_is_told(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from pose3d.io.processes import run_all\nlist(run_all(abs, [(1,)], workers=1))")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.endswith('a script must start workers under `if __name__ == "__main__":`\n')


SCRIPT = """
import time
from pose3d.io.processes import run_all
if __name__ == "__main__":
    for _ in run_all(time.sleep, [(0.01,), (3600,)], workers=2):
        print("started", flush=True)
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_the_workers_die_with_their_parent(tmp_path, sign):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    # A process group of its own, as a terminal gives it: an interrupt reaches all of it.
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    parent = subprocess.Popen([sys.executable, script], start_new_session=True, **pipes)
    assert parent.stdout.readline() == b"started\n"
    (os.killpg if sign == signal.SIGINT else os.kill)(parent.pid, sign)
    # The pipe ends when the last process that holds it does; the sleeper would not for an hour.
    _, errors = parent.communicate(timeout=300)
    assert errors.count(b"Traceback") <= (sign == signal.SIGINT)
    assert parent.returncode != 0
