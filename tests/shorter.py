"""Shorter trainings and walks, for tests of whole commands."""

import sys

from pose3d import config, synthetic
from pose3d.io import processes
from pose3d.synthetic import __main__ as synthetic_command
from pose3d.synthetic.tree import writer
from tests.run_here import run_here


def shorten(replace):
    """Let trainings end after an epoch, of networks with few units, and walks after some steps.

    The tasks of workers are done here, because each worker would take longer to start. ``replace(module,
    name, value)`` is `setattr`, or undoes itself.
    """
    generate, load = synthetic.generate, config.load

    def few(out, **options):
        some = {"subjects": ("S1", "S11"), "image_size": 250}
        if not options.get("motion"):
            some["frames"] = 26
        return generate(out, **options | some)

    def short(task, path=None, overrides=(), base=None):
        # The layers of the shipped network are as they are.
        is_given = any(word.endswith("people-regression.npz") for word in sys.argv)
        dense = [] if is_given else ["network.dense=[64,32]"]
        return load(task, path, [*overrides, *dense, "training.epochs=1"], base)

    replace(config, "load", short)
    for module in (synthetic, synthetic_command):
        replace(module, "generate", few)
    for module in (processes, writer):
        replace(module, "run_all", run_here)
