"""When a training run writes checkpoints, and how it resumes from one."""

import hashlib
import signal
import time

import numpy as np

from pose3d.config import command_line
from pose3d.errors import Stopped, UserError
from pose3d.training.averaging import WeightAverage
from pose3d.training.checkpoint import Checkpoint, Progress
from pose3d.training.run_folder import versions_line


class Checkpointer:
    """Saves the state of a run: after an epoch, every few minutes, and when the run is asked to end.

    The state is `progress`, `average`, and the generators of shuffling and augmentation. `epoch_began` is the
    perf_counter at which the epoch began, or would have without a stop. `monitor_test` is kept for a run that
    is resumed.
    """

    def __init__(self, task, split, run, signals, monitor_test=False):
        self.task, self.run, self.signals = task, run, signals
        self._flags = {"data": str(task.data.folder), "init": task.init, "monitor_test": monitor_test}
        self.progress = Progress()
        self.average = WeightAverage(task.graph.network, task.config.training.average)
        self.shuffling_rng = np.random.default_rng(task.config.training.seed)
        self.augmentation_rng = np.random.default_rng(task.config.augmentation.seed)
        digest = hashlib.sha256(task.data.origin.fingerprint.encode())
        for indices in (split.train, split.validation):
            digest.update(np.ascontiguousarray(indices))
        self._data = digest.hexdigest()
        self.epoch_began = self._saved = time.perf_counter()

    def restore(self, found):
        """Continue where a `Checkpoint` stands; a UserError if it is of other data or another network."""
        if found.data != self._data:
            raise UserError(
                f"the checkpoint in {self.run.folder} was made with other data or another split; give the "
                "data it was made with, or start without --resume"
            )
        graph = self.task.graph
        try:
            graph.network.set_weights(found.params)
            graph.set_state(found.velocity, self._dropout_state(found))
        except ValueError as error:
            raise UserError(f"the checkpoint in {self.run.folder} is of another network: {error}") from error
        self.shuffling_rng.bit_generator.state = found.generators["shuffling"]
        self.augmentation_rng.bit_generator.state = found.generators["augmentation"]
        self.progress, self.run.rows, self.average.mean = found.progress, found.rows, found.mean
        self.epoch_began -= self.progress.seconds

    def _dropout_state(self, found):
        """The state of dropout's generator for this rank: its own, if the checkpoint has one of it."""
        ranks, states = self.task.ranks, found.generators["dropout"]
        states = states if isinstance(states, list) else [states]  # a single process stores it bare
        settings = self.task.config.network
        if settings.dropout and len(states) != ranks.size:
            self.run.log(
                f"the checkpoint is of {len(states)} ranks, now there are {ranks.size}: "
                "dropout draws other numbers than without the stop"
            )
        if ranks.rank < len(states):
            return states[ranks.rank]
        # Never what a rank drew before: the seeds name the place in the run as well.
        seeds = settings.seed, ranks.rank, found.progress.epoch, found.progress.step
        return np.random.default_rng(seeds).bit_generator.state

    def digest(self):
        """A hash of what must be the same on all ranks: samples, settings, versions, place, weights."""
        graph, progress = self.task.graph, self.progress
        states = self.shuffling_rng.bit_generator.state, self.augmentation_rng.bit_generator.state
        place = self._data, self.task.config, versions_line(), progress.epoch, progress.step, states
        digest = hashlib.sha256(repr(place).encode())
        for value in (*graph.network.get_weights().values(), *graph.get_state()[0].values()):
            digest.update(np.ascontiguousarray(value))
        return digest.hexdigest()

    def shuffled(self, indices):
        """The order of an epoch's samples."""
        shuffle = self.task.config.training.shuffle
        return self.shuffling_rng.permutation(indices) if shuffle else indices

    def start_clock(self):
        """Start an epoch's clock, unless a resumed epoch goes on."""
        if self.progress.step == 0:
            self.epoch_began = time.perf_counter()

    def save(self):
        """Write the checkpoint."""
        task, ranks = self.task, self.task.ranks
        self.progress.seconds = time.perf_counter() - self.epoch_began
        velocity, dropout = task.graph.get_state()
        generators = {
            "shuffling": self.shuffling_rng.bit_generator.state,
            "dropout": dropout if ranks.size == 1 else ranks.everyones(dropout),
            "augmentation": self.augmentation_rng.bit_generator.state,
        }
        self.run.save_checkpoint(
            Checkpoint(
                task=task.name,
                config=task.config,
                progress=self.progress,
                params=self.average.trained(),
                velocity=velocity,
                mean=self.average.mean,
                scale=task.scale,
                generators=generators,
                data=self._data,
                rows=self.run.rows,
                versions=versions_line(),
                flags=self._flags,
            )
        )
        self._saved = time.perf_counter()

    def pause(self):
        """Between two minibatches: save if it is due, stop if a signal came."""
        minutes = (time.perf_counter() - self._saved) / 60
        due = minutes >= self.task.config.training.checkpoint_minutes
        # Whichever rank is asked or due, all act on it between the same two minibatches. The ranks have just
        # added up their gradients, so that these two numbers wait for nobody.
        asked, due = map(int, self.task.ranks.highest(self.signals.asked or 0, due))
        if asked or due:
            self.save()
        if asked:
            raise Stopped(
                f"stopped by {signal.Signals(asked).name} in epoch {self.progress.epoch} after "
                f"{self.progress.step} steps; to continue: {self._command()}",
                asked,
            )

    def _command(self):
        """What resumes this run, as a line for a shell."""
        size = self.task.ranks.size
        command = command_line(f"train_{self.task.name}", "--resume", "--out", self.run.folder)
        return f"mpiexec -n {size} {command}" if size > 1 else command
