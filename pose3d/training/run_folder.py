"""A run folder: settings, log and learning curve of a training, beside its weights."""

import csv
import platform
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from pose3d import config as settings
from pose3d.errors import UserError
from pose3d.io.atomic_files import whole
from pose3d.model import weights
from pose3d.report.figures import curve_figure
from pose3d.training import checkpoint

CONFIG = "config.toml"  # what tells a run folder from any other
PACKAGES = ("pose3d", "pytensor", "numba", "numpy", "scipy")


class Run:
    """A run folder: settings, log, curves, weights. An older run under its name is kept beside it."""

    def __init__(self, folder, config):
        self.folder = Path(folder)
        _set_aside(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rows, self.log = [], ""
        with whole(self.folder / CONFIG) as temporary:
            temporary.write_text(settings.to_toml(config))
        self.say("$ " + " ".join(sys.argv))
        self.say(f"Python {platform.python_version()}, " + versions_line())

    @classmethod
    def reopen(cls, folder):
        """The run folder of a run that goes on: its log is kept, its curve is the checkpoint's to give."""
        run = cls.__new__(cls)
        run.folder, run.rows = Path(folder), []
        log = run.folder / "log.txt"
        run.log = log.read_text() if log.is_file() else ""
        run.say("$ " + " ".join(sys.argv))
        return run

    def say(self, text):
        """Print a line and keep it in the log."""
        tqdm.write(text, file=sys.stdout)
        self.log += text + "\n"
        with whole(self.folder / "log.txt") as temporary:
            temporary.write_text(self.log)

    def add(self, row, objective, unit):
        """Keep an epoch's scores: the curve's CSV and PNG are rewritten whole."""
        self.rows.append(row)
        with whole(self.folder / "curve.csv") as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerows(self.rows)
        names = {f"{kind}_{objective}": kind for kind in ("train", "validation", "test")}
        names = {key: name for key, name in names.items() if key in row}
        curve_figure(self.folder / "curve.png", self.rows, names, unit)

    def keep_weights(self, name, found):
        """Write a `pose3d.model.weights.Weights` under one of the folder's names for such."""
        weights.save(self.folder / name, found)

    def keep_checkpoint(self, found):
        """Write a `pose3d.training.checkpoint.Checkpoint`."""
        checkpoint.save(self.folder, found)


class SilentRun(Run):
    """What the ranks beside rank 0 have of a run: its rows, and nothing printed or written."""

    def __init__(self, folder):
        self.folder, self.rows = Path(folder), []

    def say(self, text):
        pass

    def add(self, row, objective, unit):
        self.rows.append(row)

    def keep_weights(self, name, found):
        pass

    def keep_checkpoint(self, found):
        pass


def _set_aside(folder):
    """Rename an older run's folder; the one set aside before it goes."""
    if not folder.exists():
        return
    kept = folder.absolute().with_name(folder.absolute().name + ".previous")
    for path in (folder, kept):
        if path.exists() and not _is_run(path):
            raise UserError(f"{path} is no run folder and not empty: name another with --out")
    if any(folder.iterdir()):
        if kept.exists():
            shutil.rmtree(kept)
        folder.rename(kept)


def _is_run(folder):
    """Whether a run wrote this folder, or nobody wrote anything there yet."""
    return folder.is_dir() and ((folder / CONFIG).is_file() or not any(folder.iterdir()))


def versions_line():
    """The packages whose versions decide what is computed."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)
