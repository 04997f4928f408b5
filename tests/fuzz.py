"""Damage inputs at random and run the commands that take them: ``python -m tests.fuzz --count 500 --seed 1``.

A damaged input is accepted (status 0) or refused by one line (status 1 or 2). A traceback, a hang, a crash,
more lines, and an error that names no file are faults. Everything is written into a temporary folder.
"""

import argparse
import contextlib
import importlib
import io
import multiprocessing
import re
import shutil
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from pose3d import build_dataset, errors
from pose3d.io.tables import text_table
from pose3d.synthetic.tree import writer
from tests.fuzz_inputs import KINDS, make
from tests.run_here import run_here

HANG = 60  # s
MEMORY = 8 * 2**30  # bytes that a worker may reserve: more is asked for only by a file that lies
EXTREME = ["1e308", "nan", "inf", "-1", "0", "1e-320", "1000000000", "9" * 5000, '"x"', "[", "\ud800"]


def damage(content, rng, others):
    """Another content (bytes): a part changed, missing or doubled, or one of `others`; and what was done."""
    position, size = int(rng.integers(len(content) + 1)), int(rng.choice([1, 4, 8, 32, 500]))
    at = slice(position, position + size)
    numbers = list(re.finditer(rb"-?\d+(\.\d+)?([eE]-?\d+)?", content[:200_000]))
    extreme = EXTREME[rng.integers(len(EXTREME))].encode("utf-8", "surrogatepass")
    lines = content.split(b"\n")
    line = int(rng.integers(len(lines)))
    pattern = [b"\xff" * 8, b"\xff" * 7 + b"\x7f", (10**9).to_bytes(8, "little"), bytes(6) + b"\xf8\x7f"]
    changes = {"inside": lambda: _damage_inside(content, rng, others)} if content[:2] == b"PK" else {}
    changes |= {
        "bits flipped": lambda: _flipped(content, rng),
        "cut": lambda: content[:position],
        "zeroed": lambda: _put(content, at, bytes(size)),
        "noise": lambda: _put(content, at, rng.bytes(size)),
        "removed": lambda: content[: at.start] + content[at.stop :],
        "extreme binary": lambda: _put(content, slice(position // 4 * 4, position // 4 * 4 + 8),
                                       pattern[rng.integers(4)]),
        "line doubled": lambda: b"\n".join(lines[: line + 1] + lines[line:]),
        "line removed": lambda: b"\n".join(lines[:line] + lines[line + 1 :]),
        "swapped": lambda: others[rng.integers(len(others))].read_bytes(),
    }  # fmt: skip
    if numbers:
        found = numbers[rng.integers(len(numbers))].span()
        changes["extreme number"] = lambda: content[: found[0]] + extreme + content[found[1] :]
    if b"\0" in content:
        del changes["line doubled"], changes["line removed"]
    name = list(changes)[rng.integers(len(changes))]
    return changes[name](), name


def _damage_inside(content, rng, others):
    """Damage one file of an archive, with the checksum put right; of the header in an npz its text."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = list(members)[rng.integers(len(members))] if rng.random() < 0.5 else list(members)[0]
    if name == "header.npy":
        text, _ = damage(str(np.load(io.BytesIO(members[name]))).encode(), rng, others)
        np.save(stream := io.BytesIO(), np.array(text.decode("utf-8", "replace")))
        members[name] = stream.getvalue()
    else:
        members[name], _ = damage(members[name], rng, others)
    with zipfile.ZipFile(stream := io.BytesIO(), "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return stream.getvalue()


def _flipped(content, rng):
    values = bytearray(content)
    for place in rng.integers(0, max(1, len(values)), rng.integers(1, 9)) if values else ():
        values[place] ^= 1 << rng.integers(8)
    return bytes(values)


def _put(content, at, part):
    return content[: at.start] + part[: len(content) - at.start] + content[at.stop :]


def work(connection):
    """Run commands in this process, one after the other, and send what became of each."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit, macOS perhaps
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    build_dataset.team, writer.run_all = _alone, run_here
    verdict, unnamed = errors.verdict, []
    errors.verdict = lambda error: unnamed.append(_is_unnamed(error)) or verdict(error)
    while words := connection.recv():
        command, *words = words
        unnamed.clear()
        printed = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(printed):
            try:
                status = importlib.import_module(f"pose3d.{command}").main(words)
            except SystemExit as end:
                status = end.code
            except BaseException:
                status = traceback.format_exc()
        connection.send((status, printed.getvalue(), any(unnamed)))


def _is_unnamed(error):
    """Whether an error that becomes a line came from nobody who knew the file."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and not error.filename)


@contextlib.contextmanager
def _alone():
    yield run_here


class Worker:
    """A process that runs commands; a new one takes its place after a hang or a crash."""

    process = None

    def run(self, words):
        """What became of a command: "accepted", "refused" and why, or a fault."""
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.connection, other = context.Pipe()
            self.process = context.Process(target=work, args=(other,), daemon=True)
            self.process.start()
            other.close()
        self.connection.send(words)
        try:
            if self.connection.poll(HANG):
                return judge(*self.connection.recv())
            fault = f"hang of {HANG} s"
        except EOFError:
            fault = "crash"
        self.process.kill()
        self.close()
        return fault

    def close(self):
        if self.process is not None:
            with contextlib.suppress(BrokenPipeError):
                self.connection.send(None)
            self.process.join()
            self.process = None


def judge(status, printed, is_unnamed):
    """The verdict on a status (int, or text of a traceback) and what was printed as errors."""
    lines = [line for line in printed.splitlines() if line.startswith("error:")]
    if isinstance(status, str):
        return f"traceback\n{status}"
    if status not in (0, 1, 2) or "Traceback" in printed or len(lines) > 1:
        return f"status {status}\n{printed}"
    if is_unnamed and lines:
        return f"an error that names no file\n{printed}"
    return f"refused {printed}" if status else "accepted"


def fuzz(count, seed, kinds=tuple(KINDS), keep=None, verbose=False):
    """Damage and run `count` inputs, kinds in turn; returns Counters by kind, and the faults as text."""
    rng, counts, faults = np.random.default_rng(seed), {name: Counter() for name in kinds}, []
    worker = Worker()
    with contextlib.closing(worker), tempfile.TemporaryDirectory() as temporary:
        sound = Path(temporary, "sound")
        with contextlib.redirect_stdout(io.StringIO()):
            make(sound)
        others = sorted(path for path in sound.rglob("*.*") if path.is_file() and ".lock" not in path.name)
        for number in range(-len(kinds), count):  # first all kinds as they are
            name = kinds[number % len(kinds)]
            kind, case, change = KINDS[name], Path(temporary, "case"), "sound"
            shutil.copytree(sound / kind.folder, case / "in")
            paths = sorted(path for path in (case / "in").glob(kind.files) if path.is_file())
            path = paths[rng.integers(len(paths))]
            if number >= 0:
                content, change = damage(path.read_bytes(), rng, others)
                path.write_bytes(content)
            places = {"in": case / "in", "all": sound, "out": case / "out"}
            found = worker.run([word.format(**places) for word in kind.command.split()])
            verdict = found.split(maxsplit=1)[0]
            if verbose:
                print(number, name, path.name, change, found, flush=True)
            if verdict not in ("accepted", "refused") or (number < 0 and verdict == "refused"):
                verdict = "faults"
                faults.append(f"input {number}: {name}, {path.name}, {change}: {found}")
                if keep:
                    shutil.copytree(case / "in", Path(keep, str(number)), dirs_exist_ok=True)
            counts[name][verdict] += 1
            shutil.rmtree(case)
    return counts, faults


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="inputs to damage (default: 500)")
    parser.add_argument("--seed", type=int, default=0, help="of the damages (default: 0)")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the inputs that end in faults")
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=tuple(KINDS), help="of input (default: all)"
    )
    parser.add_argument("--verbose", action="store_true", help="print what becomes of each input")
    counts, faults = fuzz(**vars(parser.parse_args()))
    print(*faults, sep="\n\n", end="\n\n")
    verdicts = ("accepted", "refused", "faults")
    print(
        text_table(
            ["kind", *verdicts], [[name, *(count[v] for v in verdicts)] for name, count in counts.items()]
        )
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
