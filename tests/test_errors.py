import errno
import os

import pytest

from pose3d.errors import DEBUG, UserError, command

OURS = OSError(errno.EBADF, "Bad file descriptor")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("a.csv: line 3\n is wrong"), "error: a.csv: line 3 is wrong\n"),
        (OURS, f"error: [Errno {errno.EBADF}] Bad file descriptor (for the traceback, set {DEBUG}=1)\n"),
    ],
)
@pytest.mark.parametrize("value", [None, "0", "1"])
def test_an_error_is_a_line_and_its_traceback_is_shown_on_request(monkeypatch, capsys, error, line, value):
    monkeypatch.delenv(DEBUG, raising=False)
    if value:
        monkeypatch.setenv(DEBUG, value)

    @command
    def main(argv):
        raise error

    assert main() == 1
    found = capsys.readouterr().err
    assert found.endswith(line)
    assert ("Traceback" in found, found == line) == (value == "1", value != "1")


def test_a_path_of_any_bytes_is_printed(capfd, monkeypatch):
    @command
    def main(argv):
        print(os.fsdecode(b"caf\xe9"))

    assert main() == 0
    assert capfd.readouterr().out == "caf\\udce9\n"
