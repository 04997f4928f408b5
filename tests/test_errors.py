import errno
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pose3d import build_dataset
from pose3d.config import DataSettings, load
from pose3d.dataset.samples import Dataset
from pose3d.dataset.splits import open_split, open_test
from pose3d.errors import DEBUG, UserError, command
from pose3d.training import checkpoint

OURS = OSError(errno.EBADF, "Bad file descriptor")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("a.csv: line 3\n is wrong"), 1, "error: a.csv: line 3 is wrong\n"),
        (OURS, 1, f"error: [Errno {errno.EBADF}] Bad file descriptor (for the traceback, set {DEBUG}=1)\n"),
        (KeyboardInterrupt(), 130, "error: interrupted; what was finished is kept\n"),
    ],
)
@pytest.mark.parametrize("value", [None, "0", "1"])
def test_an_error_is_a_line_and_its_traceback_is_shown_on_request(
    monkeypatch, capsys, error, status, line, value
):
    monkeypatch.delenv(DEBUG, raising=False)
    if value:
        monkeypatch.setenv(DEBUG, value)

    @command
    def main(argv):
        raise error

    assert main() == status
    found = capsys.readouterr().err
    assert found.endswith(line)
    assert ("Traceback" in found, found == line) == (value == "1", value != "1")


def test_a_path_of_any_bytes_is_printed(capfd, monkeypatch):
    @command
    def main(argv):
        print(os.fsdecode(b"caf\xe9"))

    assert main() == 0
    assert capfd.readouterr().out == "caf\\udce9\n"


NAME = "it's my folder"


def refusals(folder, built):
    """Errors with a remedy that is to be pasted into a shell, of inputs with a space and a quote."""
    yield lambda: Dataset.open(folder / "none")
    yield lambda: Dataset.open(folder)
    yield lambda: Dataset.open(built, subjects=[NAME])
    for settings in (["data.test=['s11']"], ["data.test=[]"]):
        yield lambda settings=settings: open_split(built, load("detection", None, settings).data, True)
    yield lambda: open_test(built, DataSettings(), ["S9"])
    yield lambda: load("detection", None, ["data.test=[ben]"])
    yield lambda: checkpoint.load(folder / "run", "regression")


def test_every_remedy_that_is_printed_can_be_pasted_into_a_shell(built, regression_run, tmp_path):
    """Each is split by a shell, and each command is parsed by the program that it starts."""
    folder = tmp_path / NAME
    shutil.copytree(regression_run, folder / "run")
    (folder / "run" / checkpoint.NAME).unlink()
    parsers = {"build_dataset": build_dataset.parser}
    for call in refusals(folder, built):
        with pytest.raises(UserError) as refused:
            call()
        found = re.findall(
            r"python -m pose3d\.\w+ .*$|--(?:set|resume|subjects) (?:'[^,]*'|\S+)", str(refused.value)
        )
        assert found, refused.value
        for text in found:
            text = text.rstrip(",")
            words = subprocess.run(
                ["sh", "-c", f'for word in {text}; do printf "%s\\n" "$word"; done'],
                capture_output=True, text=True, check=True,
            ).stdout.splitlines()  # fmt: skip
            if words[0] == "python":
                parsers[words[2].removeprefix("pose3d.")]().parse_args(words[3:])
            elif words[0] == "--set":
                load("detection", None, words[1:])
            else:
                assert Path(words[1]).exists() or words[1] in Dataset.open(built).subjects
