"""When a training run writes its checkpoint, and how it takes one up."""

import hashlib
import signal
import time

import numpy as np

from pose3d.errors import Stopped, UserError
from pose3d.training.checkpoint import Checkpoint, Progress
from pose3d.training.run_folder import versions_line


class Keeper:
    """Writes checkpoints: at the end of an epoch, every few minutes, and when the run is asked to end.

    Parameters
    ----------
    task : pose3d.training.loop.Task
    data : Dataset
    chosen : Split
    run : Run
    signals : pose3d.io.processes.Signals

    Attributes
    ----------
    progress : Progress, where the run stands
    shuffling, augmenting : numpy Generators
    began : float, the perf_counter at which the epoch began, or would have without a stop
    """

    def __init__(self, task, data, chosen, run, signals):
        self.task, self.run, self.signals = task, run, signals
        self.progress, self.shuffling = Progress(), np.random.default_rng(task.graph.config.training.seed)
        self.augmenting = np.random.default_rng(task.graph.config.augmentation.seed)
        told = hashlib.sha256(data.fingerprint.encode())
        for indices in (chosen.train, chosen.validation):
            told.update(np.ascontiguousarray(indices))
        self.data = told.hexdigest()
        self.began = self.saved = time.perf_counter()

    def take_up(self, found):
        """Go on where a `Checkpoint` stands; a UserError if it is of other data or another network."""
        if found.data != self.data:
            raise UserError(
                f"the checkpoint in {self.run.folder} was made with other data or another split; give the "
                "data it was made with, or start without --resume"
            )
        graph = self.task.graph
        try:
            graph.network.set_weights(found.params)
            graph.set_state(found.velocity, self._dropout(found))
        except ValueError as error:
            raise UserError(f"the checkpoint in {self.run.folder} is of another network: {error}") from error
        self.shuffling.bit_generator.state = found.generators["shuffling"]
        if "augmentation" in found.generators:  # older checkpoints are of runs without
            self.augmenting.bit_generator.state = found.generators["augmentation"]
        self.progress, self.run.rows = found.progress, found.rows
        self.began -= self.progress.seconds

    def _dropout(self, found):
        """The state of dropout's generator for this rank: its own, if the checkpoint has one of it."""
        ranks, states = self.task.ranks, found.generators["dropout"]
        states = states if isinstance(states, list) else [states]  # a single process keeps it bare
        settings = self.task.graph.config.network
        if settings.dropout and len(states) != ranks.size:
            self.run.say(
                f"the checkpoint is of {len(states)} ranks, now there are {ranks.size}: "
                "dropout draws otherwise than without the stop"
            )
        if ranks.rank < len(states):
            return states[ranks.rank]
        # Never what a rank drew before: the seeds name the place in the run as well.
        seeds = settings.seed, ranks.rank, found.progress.epoch, found.progress.step
        return np.random.default_rng(seeds).bit_generator.state

    def digest(self):
        """A hash of what must be the same on all ranks: samples, settings, versions, place, weights."""
        graph, progress = self.task.graph, self.progress
        drawing = self.shuffling.bit_generator.state, self.augmenting.bit_generator.state
        told = hashlib.sha256(
            repr((self.data, graph.config, versions_line(), progress.epoch, progress.step, drawing)).encode()
        )
        for value in (*graph.network.get_weights().values(), *graph.get_state()[0].values()):
            told.update(np.ascontiguousarray(value))
        return told.hexdigest()

    def begin_epoch(self):
        """Start an epoch's clock, unless it is one that goes on."""
        if self.progress.step == 0:
            self.began = time.perf_counter()

    def save(self):
        """Write the checkpoint."""
        graph, ranks, now = self.task.graph, self.task.ranks, time.perf_counter()
        self.progress.seconds = now - self.began
        velocity, dropout = graph.get_state()
        generators = {
            "shuffling": self.shuffling.bit_generator.state,
            "dropout": dropout if ranks.size == 1 else ranks.everyones(dropout),
            "augmentation": self.augmenting.bit_generator.state,
        }
        self.run.keep_checkpoint(
            Checkpoint(
                graph.task, graph.config, self.progress, graph.network.get_weights(), velocity,
                self.task.scale, generators, self.data, self.run.rows, versions_line(),
            )
        )  # fmt: skip
        self.saved = time.perf_counter()

    def pause(self):
        """Between two minibatches: save if it is time to, end if a signal came."""
        minutes = (time.perf_counter() - self.saved) / 60
        due = minutes >= self.task.graph.config.training.checkpoint_minutes
        # Whichever rank is asked or due, all act on it between the same two minibatches. The ranks have just
        # added up their gradients, so that these two numbers wait for nobody.
        asked, due = map(int, self.task.ranks.highest(self.signals.asked or 0, due))
        if asked or due:
            self.save()
        if asked:
            raise Stopped(
                f"stopped by {signal.Signals(asked).name} in epoch {self.progress.epoch} after "
                f"{self.progress.step} steps; the same command with --resume goes on from there",
                asked,
            )
