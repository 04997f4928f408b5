"""Builds that are interrupted: killed workers and ranks, a locked folder, a full disk."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from pose3d.dataset import build as building
from pose3d.dataset import built_files as samples
from pose3d.dataset.built_files import built_path
from pose3d.dataset.samples import Dataset
from pose3d.io.atomic_files import DiskFullError
from pose3d.recordings import human36m
from tests.building import build_undrawn
from tests.launching import mpiexec, run_ranks, wait_for

CAMERAS = ("54138969", "60457274")
# A build that waits, after its first block is in the temporary file, until a file named go appears.
WAITING = """
import os, sys, time
from pathlib import Path
from pose3d import build_dataset
from pose3d.dataset import build
from pose3d.dataset.crop_recording import crop_recording

def slowly(recording, every, write):
    def write_and_wait(block):
        write(block)
        (Path("{folder}") / f"at-{{recording.subject}}-{{os.getpid()}}").touch()
        while not (Path("{folder}") / "go").exists():
            time.sleep(0.05)
    return crop_recording(recording, every, write_and_wait if recording.subject == "S11" else write)

build.crop_recording = slowly
if __name__ == "__main__":
    sys.exit(build_dataset.main())
"""


def options(tree, out, *subjects):
    words = ("--source", tree, "--out", out, "--cameras", *CAMERAS, "--subjects", *subjects)
    return [str(word) for word in words]


def start(tmp_path, *words, launcher=()):
    """Start a build that waits in every recording of S11."""
    script = tmp_path / "waiting.py"
    script.write_text(WAITING.format(folder=tmp_path))
    return subprocess.Popen(
        [*launcher, sys.executable, script, *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def waiting(tmp_path):
    """Process numbers of the workers that wait."""
    return [int(path.name.split("-")[2]) for path in tmp_path.glob("at-S11-*")]


def assert_whole(out, tree, tmp_path):
    """What stands in `out` is byte for byte what an undisturbed build makes."""
    calm = tmp_path / "calm"
    assert build_undrawn(*options(tree, calm, "S1", "S11"), "--workers", "1") == 0
    for name in ("Walking-S1.h5", "Walking-S11.h5"):
        assert (out / name).read_bytes() == (calm / name).read_bytes()
    assert not (out / building.PARTS).exists()


@pytest.mark.slow
def test_a_killed_worker_costs_no_finished_file(raw_tree, tmp_path, capsys):
    out = tmp_path / "out"
    words = options(raw_tree, out, "S1", "S11")
    build = start(tmp_path, *words, "--workers", "2")
    assert wait_for(lambda: built_path(out, "Walking", "S1").exists() and waiting(tmp_path), build, 60), (
        build.stderr.read()
    )
    os.kill(waiting(tmp_path)[0], signal.SIGKILL)
    _, errors = build.communicate(timeout=60)
    assert build.returncode == 1
    assert "error: a worker process was killed" in errors
    assert "Traceback" not in errors
    assert set(Dataset.open(out).subject) == {"S1"}
    before = built_path(out, "Walking", "S1").stat().st_mtime_ns
    assert build_undrawn(*words, "--workers", "1") == 0
    assert built_path(out, "Walking", "S1").stat().st_mtime_ns == before
    assert_whole(out, raw_tree, tmp_path)


@pytest.mark.slow
def test_a_second_build_into_the_folder_is_refused_and_the_first_goes_on(raw_tree, tmp_path, capsys):
    out = tmp_path / "out"
    words = options(raw_tree, out, "S1", "S11")
    first = start(tmp_path, *words, "--workers", "1")
    assert wait_for(lambda: waiting(tmp_path), first, 60), first.stderr.read()
    assert build_undrawn(*words, "--workers", "1") == 1
    assert f"error: {out}: another process is working there (process " in capsys.readouterr().err
    (tmp_path / "go").touch()
    _, errors = first.communicate(timeout=120)
    assert first.returncode == 0, errors
    assert_whole(out, raw_tree, tmp_path)


@pytest.mark.slow
def test_ranks_make_the_same_files_as_one_process(raw_tree, tmp_path):
    out = tmp_path / "out"
    words = options(raw_tree, out, "S1", "S11")
    done = run_ranks(3, "-m", "pose3d.build_dataset", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"samples in {out}") == 1  # one rank prints
    assert_whole(out, raw_tree, tmp_path)


@pytest.mark.slow
def test_a_rank_that_dies_takes_no_finished_file_with_it(raw_tree, tmp_path):
    out = tmp_path / "out"
    words = options(raw_tree, out, "S1", "S11")
    build = start(tmp_path, *words, launcher=mpiexec(3))
    assert wait_for(lambda: built_path(out, "Walking", "S1").exists() and waiting(tmp_path), build, 60), (
        build.stderr.read()
    )
    os.kill(waiting(tmp_path)[0], signal.SIGKILL)
    build.communicate(timeout=60)
    assert build.returncode != 0
    assert set(Dataset.open(out).subject) == {"S1"}
    again = run_ranks(2, "-m", "pose3d.build_dataset", *words)
    assert again.returncode == 0, again.stderr
    assert_whole(out, raw_tree, tmp_path)


@pytest.mark.slow
def test_without_mpi4py_a_rank_says_what_to_install(tmp_path):
    (tmp_path / "mpi4py.py").write_text("raise ImportError('not here')")
    environment = {**os.environ, "PMI_SIZE": "2", "PYTHONPATH": str(tmp_path)}
    words = sys.executable, "-m", "pose3d.build_dataset"
    done = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "install pose3d[mpi], or start without mpiexec" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("bytes_left", [0, 1000, 40_000])
def test_a_write_that_fails_is_one_line(raw_tree, tmp_path, capfd, monkeypatch, bytes_left):
    """As on a full disk, wherever in the file it fills; HDF5 must not print its own pages."""
    written = [0]

    def write_some(sink, data):
        written[0] += len(data)
        if written[0] > bytes_left:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)

    monkeypatch.setattr(samples._Sink, "_write_some", write_some)
    recordings, _ = human36m.find_recordings(raw_tree, subjects=["S1"])
    with pytest.raises(DiskFullError, match="the disk is full"):
        building.build_part(recordings[0], tmp_path / "out" / "a.h5", raw_tree, 1)
    assert list((tmp_path / "out").iterdir()) == []
    assert capfd.readouterr().err == ""
