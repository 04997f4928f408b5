"""A run folder: settings, log and learning curve of a training, beside its weights and checkpoints."""

import contextlib
import itertools
import logging
import os
import platform
import shlex
import sys
import time
from functools import cache
from importlib import metadata
from pathlib import Path

from tqdm import tqdm

import pose3d
from pose3d import config as settings
from pose3d.errors import UserError
from pose3d.io.atomic_files import LOCK, DiskFullError, is_disk_full, whole
from pose3d.io.tables import write_table
from pose3d.model import weights

CONFIG = "config.toml"  # distinguishes a run folder from any other
LOG, CURVE, CURVE_PICTURE = "log.txt", "curve.csv", "curve.png"
REDRAWN = 10  # seconds from picture to picture of the learning curve; each takes 0.15 s
PACKAGES = ("pytensor", "numba", "numpy", "scipy")
version = cache(metadata.version)  # which reads files, for every checkpoint


class RunFolder:
    """Writes what a training leaves behind, among it `rows`, the learning curve: a dict for each epoch.

    Where another process writes for this one, not `writes`, nothing is printed or written.
    """

    def __init__(self, folder, plot=None, writes=True):
        """Use `create` or `open`. ``plot(path, rows, dict of key to name, label)`` draws the curve."""
        self.folder, self.rows, self.writes, self._plot = Path(folder), [], writes, plot
        self._drawn_at, self._drawn_rows = time.monotonic(), 0  # of the curve's picture
        self._logger = logging.Logger("pose3d")
        if writes:
            self._logger.addHandler(_Console())
            # A path of the command line may hold bytes that are no text.
            self._logger.addHandler(_LogFile(self.folder / LOG, encoding="utf-8", errors="backslashreplace"))
        self.log(f"$ {_command_line()}")

    @classmethod
    def create(cls, folder, config, plot=None, writes=True):
        """A new run folder. An older run in it is moved to NAME.1, or the next number that is free.

        The caller holds the folder's lock (`pose3d.io.atomic_files.exclusive`). Raises as
        `files_of_older_run`.
        """
        folder = Path(folder)
        if writes:
            kept = _move_older_run(folder)
            folder.mkdir(parents=True, exist_ok=True)
        run = cls.open(folder, config, plot, writes)
        run.log(f"Python {platform.python_version()}, {versions_line()}")
        if writes and kept:
            run.log(f"the older run in {folder} was moved to {kept}")
        return run

    @classmethod
    def open(cls, folder, config, plot=None, writes=True):
        """The folder of a run that is resumed, with the settings that it has now."""
        if writes:
            with whole(Path(folder) / CONFIG) as temporary:
                temporary.write_text(settings.to_toml(config), encoding="utf-8")
        return cls(folder, plot, writes)

    def log(self, text):
        """Print text and append it to the log."""
        self._logger.info(text)

    def close(self):
        """Close the log."""
        for handler in self._logger.handlers:
            handler.close()

    def add_row(self, row, task):
        """Add an epoch to the learning curve: its CSV file, and its picture if that is some seconds old."""
        self.rows.append(row)
        if not self.writes:
            return
        # A resumed run may score more than it did before, and so have more columns.
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        with whole(self.folder / CURVE) as temporary:
            write_table(temporary, columns, ([row.get(key) for key in columns] for row in self.rows))
        if time.monotonic() - self._drawn_at > REDRAWN:
            self._draw_curve(task)

    @contextlib.contextmanager
    def curve_drawn(self, task):
        """Draw the learning curve when the block ends; if it fails, only log an error of the drawing."""
        try:
            yield
        except BaseException:
            try:
                self._draw_curve(task)
            except Exception as error:
                self.log(f"{CURVE_PICTURE} cannot be drawn: {error}")
            raise
        self._draw_curve(task)

    def _draw_curve(self, task):
        """Draw the learning curve, unless its picture shows all rows."""
        if not self._plot or not self.writes or self._drawn_rows == len(self.rows):
            return
        names = {f"{kind}_{task.objective}": kind for kind in ("train", "validation", "test")}
        names = {key: name for key, name in names.items() if key in self.rows[-1]}
        self._plot(self.folder / CURVE_PICTURE, self.rows, names, task.unit)
        self._drawn_at, self._drawn_rows = time.monotonic(), len(self.rows)

    def save_weights(self, name, found):
        """Write a `pose3d.model.weights.Weights` as `weights.BEST` or `weights.LAST`."""
        if self.writes:
            weights.save(self.folder / name, found)


class _Console(logging.Handler):
    """Prints above the progress bars."""

    def emit(self, record):
        tqdm.write(record.getMessage(), file=sys.stdout)


class _LogFile(logging.FileHandler):
    """A log that cannot be written ends the run; by default, logging would only print a traceback."""

    def handleError(self, record):
        error = sys.exception()
        if is_disk_full(error):
            raise DiskFullError.at(self.baseFilename) from error
        raise error


def _command_line():
    """The command that this process runs, as a line for a shell."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    words = ["python", "-m", module.name] if module else [sys.argv[0]]
    return shlex.join([*words, *sys.argv[1:]])


def epoch_line(row, objective, is_best, epochs):
    """An epoch's line of the log: scores, time, speed and expected end of the `epochs`.

    `objective` is the score to show, after each set's name; `is_best`, whether no earlier epoch was better.
    """
    parts = [f"epoch {row['epoch']:3d}"]
    if row["cost"] is not None:
        parts.append(f"cost {row['cost']:.4g}")
    for kind in ("train", "validation", "test"):
        if f"{kind}_{objective}" in row:
            parts.append(f"{kind} {objective} {row[f'{kind}_{objective}']:.4g}")
    parts.append(f"{row['seconds']:.1f} s")
    if is_best:
        parts.append("best")
    if not row["epoch"]:
        return "  ".join(parts)
    parts.append(f"{row['images_per_s']:.0f} images/s")
    left = (epochs - row["epoch"]) * row["seconds"]
    end = time.strftime("%a %H:%M", time.localtime(time.time() + left))
    return "  ".join(parts) + (f", {_duration(left)} left, until {end}" if left else "")


def _duration(seconds):
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"


def files_of_older_run(folder):
    """Names in a folder that a new run is to have: list of str, empty if no older run is there.

    A `UserError` if the folder holds something else than a run.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: name another folder with --out")
    names = [path.name for path in folder.iterdir() if path.name != LOCK] if folder.exists() else []
    if names and not (folder / CONFIG).is_file():
        raise UserError(f"{folder} is no run folder and not empty: name another with --out")
    return names


def _move_older_run(folder):
    """Move an older run to the first of NAME.1, NAME.2, ... that is free: its Path, or None without a run."""
    names = files_of_older_run(folder)
    if not names:
        return None
    numbered = (folder.absolute().with_name(f"{folder.absolute().name}.{n}") for n in itertools.count(1))
    kept = next(path for path in numbered if not path.exists())
    kept.mkdir()
    # File by file, since this process holds the folder's lock; what marks a run folder is moved last.
    for name in sorted(names, key=lambda name: (name == CONFIG, name)):
        os.replace(folder / name, kept / name)
    return kept


def versions_line():
    """The packages whose versions decide what is computed."""
    versions = {"pose3d": pose3d.__version__} | {name: version(name) for name in PACKAGES}
    return ", ".join(f"{name} {found}" for name, found in versions.items())
