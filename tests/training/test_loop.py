"""The loop, with a graph that is a table of scores; the real ones are in test_train_detection and so on."""

import errno
import logging
import re
from types import SimpleNamespace

import numpy as np
import pytest

from pose3d.config import load
from pose3d.dataset.samples import Dataset
from pose3d.dataset.splits import Split, open_split
from pose3d.errors import UserError
from pose3d.io.atomic_files import DiskFullError
from pose3d.model import weights
from pose3d.training import loop as training
from pose3d.training.checkpoint import Saver
from pose3d.training.loop import evaluate, fit, train_epoch
from pose3d.training.run_folder import RunFolder, epoch_line
from pose3d.training.state import Progress, State
from pose3d.training.tasks import Task
from tests.small import TRAINED_ON

TIMES = {"seconds", "images_per_s"}
TRAIN, VALIDATION, TEST = np.arange(50), np.arange(60, 70), np.arange(80, 210)


class Graph:
    """Stands for a network whose one weight counts the steps; notes the minibatches it is given."""

    task = "regression"

    def __init__(self, costs=(), **settings):
        self.config = load("regression", None, [f"training.{key}={value}" for key, value in settings.items()])
        self.network = self
        self.costs = dict(enumerate(costs))
        self.stepped, self.evaluated, self.hyper = [], [], []

    def set_hyper(self, learning_rate, share):
        self.hyper.append((learning_rate, share))

    def step(self, images, targets):
        self.stepped.append(images.tolist())
        return self.costs.get(len(self.stepped) - 1, 1.0), 2.0

    def evaluate(self, images, targets):
        self.evaluated.append(images.tolist())
        return np.asarray(targets) + 0.5, float(len(images))

    def get_weights(self):
        return {"fc3.b": np.array([len(self.stepped)], float)}

    def get_state(self):
        return {"fc3.b": np.array([len(self.stepped)], float)}, np.random.default_rng(5).bit_generator.state


class Data:
    """Every sample's image is its number."""

    origin, numbers = TRAINED_ON.data, np.arange(300)

    def __init__(self):
        self.announced = []

    def images(self, indices):
        assert np.asarray(indices).tolist() in self.announced[-2:]
        return np.asarray(indices)

    def subjects_of(self, indices):
        return sorted({f"S{i // 50}" for i in indices})

    def prefetch(self, indices):
        self.announced.append(indices.tolist())


@pytest.fixture(autouse=True)
def without_activity(monkeypatch):
    """The table of scores has no layers to look into."""
    monkeypatch.setattr(training, "activity", lambda *_: {})


class Scored(Task):
    """A task whose validation score is the next of `scores` at each evaluation of VALIDATION."""

    name, objective, unit, scale = "regression", "mpjpe_mm", "mm", {"mean": np.zeros(51)}
    column = "numbers"

    def __init__(self, graph, scores=()):
        super().__init__(graph, Data())
        self.left = list(scores)

    def some_images(self, numbers):
        return None

    def targets(self, values):
        return values

    def counts(self, outputs, targets):
        return {"first": np.array([targets[0]])}

    def scores(self, totals, n):
        is_validation = n == len(VALIDATION) and totals["first"][0] == 60
        score = self.left.pop(0) if self.left and is_validation else 9.0
        return {"cost": totals["cost"] / n, "mpjpe_mm": score}


def run_loop(tmp_path, scores, costs=(), plot=None, **settings):
    graph = Graph(costs, batch_size=20, **settings)
    task, state = Scored(graph, scores), State(graph)
    run = RunFolder.create(tmp_path / "run", graph.config, plot)
    about = {"task": task.name, "config": task.config, "scale": {}, "data": "data", "flags": {}}
    saver = Saver(state, run, SimpleNamespace(asked=None), about)
    with run.curve_drawn(task):
        return fit(task, Split(TRAIN, VALIDATION, TEST, ""), state, run, saver), graph, run


def begun(graph, order):
    """The state of a run that begins its first epoch."""
    state = State(graph)
    state.progress = Progress(epoch=1, order=order)
    return state


def test_an_epoch_takes_every_sample_once_in_an_order_of_the_generators():
    graph = Graph([3.0, 2.0, 1.0], batch_size=20)
    state = begun(graph, np.random.default_rng(1).permutation(TRAIN))
    train_epoch(Scored(graph), state)
    progress = state.progress
    assert [len(batch) for batch in graph.stepped] == [20, 20, 10]
    assert progress.total == 3 * 20 + 2 * 20 + 1 * 10  # the short batch counts by its size
    assert (progress.step, progress.norms) == (3, 3 * 2.0)
    order = np.concatenate(graph.stepped)
    assert sorted(order) == list(TRAIN)
    assert list(order) != list(TRAIN)


def test_evaluation_leaves_no_sample_out_and_weighs_the_short_batch_by_its_size():
    graph = Graph()
    task = Scored(graph)
    task.counts = lambda outputs, targets: {"outputs": outputs.sum(), "targets": targets.sum()}
    task.scores = lambda totals, n: {**totals, "n": n}
    found = evaluate(task, TEST, 1)
    assert [len(batch) for batch in graph.evaluated] == [128, 2]
    assert found == {
        "cost": 128 * 128 + 2 * 2, "n": 130, "targets": TEST.sum(), "outputs": (TEST + 0.5).sum(),
    }  # fmt: skip


def test_outputs_that_are_no_numbers_end_the_run_before_they_are_counted():
    graph = Graph()
    graph.evaluate = lambda images, targets: (np.full(len(images), np.nan), np.nan)
    task = Scored(graph)
    task.counts = lambda outputs, targets: {"histogram": np.bincount(-1 - np.isnan(outputs))}
    with pytest.raises(UserError, match="the cost became nan in epoch 3: lower training.learning_rate"):
        evaluate(task, TEST, 3)


def test_every_step_has_its_rate_and_its_share_in_the_mean_squares(tmp_path):
    """3 steps an epoch: the rate rises over the first epoch, and mean squares remember 4 steps."""
    _, graph, _ = run_loop(tmp_path, [9, 8, 7], epochs=2, warmup=1.0, learning_rate=0.3, rms_steps=4)
    rates, shares = zip(*graph.hyper, strict=True)
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.3, 0.3, 0.3])
    assert shares == (1, 1 / 2, 1 / 3, 1 / 4, 1 / 4, 1 / 4)


def test_the_disk_is_told_of_a_minibatch_while_the_one_before_is_at_work():
    graph = Graph(batch_size=20)
    task, step, told = Scored(graph), graph.step, []
    graph.step = lambda *pair: told.append(len(task.data.announced)) or step(*pair)
    train_epoch(task, begun(graph, TRAIN))
    assert told == [2, 3, 3]
    assert task.data.announced == graph.stepped


def test_the_best_epoch_is_the_validations_and_the_last_one_is_kept_too(tmp_path):
    best, _, run = run_loop(tmp_path, [9, 5, 3, 4, 6], epochs=4)
    assert (best["epoch"], best["validation_mpjpe_mm"]) == (2, 3)
    found = {name: weights.load(run.folder / name) for name in (weights.BEST, weights.LAST)}
    assert [found[name].about["epoch"] for name in found] == [2, 4]
    assert [found[name].params["fc3.b"][0] for name in found] == [2 * 3, 4 * 3]
    assert found[weights.BEST].config == load("regression", run.folder / "config.toml")
    assert list(found[weights.BEST].scale) == ["mean"]
    log = (run.folder / "log.txt").read_text()
    assert [line.split()[1] for line in log.splitlines() if "  best" in line] == ["0", "1", "2"]


def test_patience_ends_the_run_and_small_steps_are_no_improvement(tmp_path):
    settings = {"epochs": 20, "patience": 3, "improvement": 0.1}
    best, graph, run = run_loop(tmp_path, [10, 8, 7.9, 7.8, 7.7, 1], **settings)
    assert len(run.rows) == 5  # epochs 2, 3 and 4 improve on 8 by less than a tenth
    assert best["epoch"] == 4  # and yet are better
    assert (
        "converged: validation_mpjpe_mm has not improved in 3 epochs" in (run.folder / "log.txt").read_text()
    )
    _, _, run = run_loop(tmp_path, [10, 8, 7.9, 7.8, 7, 6, 5], **settings | {"epochs": 6})
    assert len(run.rows) == 7  # 7 improves on 8 just in time


def test_without_patience_all_epochs_are_run(tmp_path):
    best, graph, run = run_loop(tmp_path, [1] + 9 * [2], epochs=9, patience=0)
    assert (best["epoch"], len(run.rows), len(graph.stepped)) == (0, 10, 27)


def test_no_epoch_at_all_keeps_the_untrained_network(tmp_path):
    best, graph, run = run_loop(tmp_path, [4], epochs=0)
    assert (best["epoch"], best["cost"], graph.stepped) == (0, None, [])
    assert weights.load(run.folder).about["epoch"] == 0


def test_shuffling_is_seeded_differs_by_epoch_and_can_be_off(tmp_path):
    def orders(**settings):
        _, graph, _ = run_loop(tmp_path, [], epochs=2, **settings)
        steps = [n for batch in graph.stepped for n in batch]
        return steps[:50], steps[50:]

    first, second = orders(seed=1)
    assert orders(seed=1) == (first, second)
    assert first != second
    assert orders(seed=2)[0] != first
    assert orders(shuffle="false") == (list(TRAIN), list(TRAIN))


@pytest.mark.parametrize("cost", [np.nan, np.inf])
def test_a_cost_that_is_not_finite_ends_the_run_and_keeps_what_was_before(tmp_path, cost):
    costs = [1.0] * 4 + [cost]  # in the second epoch's second minibatch
    with pytest.raises(
        UserError, match="the cost became (nan|inf) in epoch 2: lower training.learning_rate; the weights"
    ):
        run_loop(tmp_path, [9, 5], costs, epochs=5)
    for name in (weights.BEST, weights.LAST):
        assert weights.load(tmp_path / "run" / name).about["epoch"] == 1


def test_a_run_that_diverges_ends_at_once_and_says_what_to_do(tmp_path):
    with pytest.raises(
        UserError, match="cost in epoch 2 is more than 100 times that of the untrained network"
    ):
        # The untrained network's cost on the 10 training samples scored is 10, an epoch has 3 steps.
        run_loop(tmp_path, [9, 5, 3], costs=[900, 900, 900, 900, 1100, 1100], epochs=4)
    assert weights.load(tmp_path / "run" / weights.BEST).about["epoch"] == 1


def test_an_epochs_line_tells_speed_and_expected_end():
    row = {"epoch": 1, "cost": 2.5, "train_mpjpe_mm": 3.0, "validation_mpjpe_mm": 4.0}
    row |= {"seconds": 61.0, "images_per_s": 820.3}
    line = epoch_line(row, "mpjpe_mm", is_best=True, epochs=2)
    assert re.fullmatch(
        r"epoch   1  cost 2.5  train mpjpe_mm 3  validation mpjpe_mm 4  61.0 s  best  "
        r"820 images/s, 1 min left, until \w+ \d\d:\d\d",
        line,
    )
    assert epoch_line(row, "mpjpe_mm", is_best=False, epochs=1).endswith(" 61.0 s  820 images/s")
    assert epoch_line({**row, "epoch": 0, "cost": None}, "mpjpe_mm", True, 2).endswith(" 61.0 s  best")


def test_weights_that_an_epochs_last_update_spoilt_replace_nothing(tmp_path, monkeypatch):
    evaluate = Graph.evaluate

    def spoilt(graph, images, targets):
        outputs, cost = evaluate(graph, images, targets)
        return outputs, np.nan if len(graph.stepped) == 6 else cost  # after two epochs

    monkeypatch.setattr(Graph, "evaluate", spoilt)
    with pytest.raises(UserError, match="the cost became nan in epoch 2: lower training.learning_rate"):
        run_loop(tmp_path, [9, 5], epochs=5)
    for name in (weights.BEST, weights.LAST):
        assert weights.load(tmp_path / "run" / name).about["epoch"] == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_full_disk_or_an_interrupt_keeps_the_epochs_before(tmp_path, monkeypatch, error, told):
    savez, calls = np.savez, []

    def failing(file, **arrays):
        calls.append(file)
        if len(calls) > 6:  # three files each in epochs 0 and 1
            file.write(b"PK half of it")
            raise error
        savez(file, **arrays)

    monkeypatch.setattr(np, "savez", failing)
    with pytest.raises(told):
        run_loop(tmp_path, [9, 5, 3, 2], epochs=5)
    folder = tmp_path / "run"
    for name in (weights.BEST, weights.LAST):
        assert weights.load(folder / name).about["epoch"] == 1
    assert len((folder / "curve.csv").read_text().splitlines()) == 3  # its columns' names, epochs 0 and 1
    assert not list(folder.glob(".*"))  # no leftovers


def test_a_log_that_cannot_be_written_ends_the_run(tmp_path, capsys):
    run = RunFolder.create(tmp_path / "run", load("regression"))
    (handler,) = (each for each in run._logger.handlers if isinstance(each, logging.FileHandler))
    handler.setStream(open("/dev/full", "w", encoding="utf-8"))  # noqa: SIM115  (the handler closes it)
    with pytest.raises(DiskFullError, match=r"log\.txt cannot be written, the disk is full"):
        run.log("epoch 1")
    assert "Traceback" not in capsys.readouterr().err


def test_the_split_that_the_settings_ask_for(built):
    choice = load("detection", None, ["data.validation=subject:S5"]).data
    data, chosen = open_split(built, choice, needs_test=True)
    assert isinstance(data, Dataset)
    assert [set(data.subject[i]) for i in (chosen.train, chosen.validation, chosen.test)] == [
        {"S1"}, {"S5"}, {"S11"},
    ]  # fmt: skip
    random = load("detection", None, ["data.validation=report"]).data
    again = [open_split(built, random, needs_test=False)[1].validation.tolist() for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize("test", [["s11"], ["zoe"], ["S11", "S9"]])
def test_a_test_subject_that_is_not_there_is_named_before_the_training(built, test):
    choice = load("detection", None, [f"data.test={test}"]).data
    with pytest.raises(UserError) as refused:
        open_split(built, choice, needs_test=False)
    assert str(refused.value) == (
        f"{built} has no subject {test[-1]} to keep for the test, only S1, S5, S11: name some of these, "
        """--set 'data.test=["S11"]', or nobody, --set 'data.test=[]'"""
    )


def test_nobody_may_be_kept_for_the_test_unless_it_is_monitored(built):
    choice = load("detection", None, ["data.test=[]"]).data
    data, chosen = open_split(built, choice, needs_test=False)
    assert (set(data.subject[chosen.train]), len(chosen.test)) == ({"S1", "S5", "S11"}, 0)
    with pytest.raises(UserError, match="is kept for the test: name subjects, --set 'data.test="):
        open_split(built, choice, needs_test=True)


def test_the_training_score_is_of_other_samples_than_those_that_epoch_1_begins_with(tmp_path):
    _, graph, _ = run_loop(tmp_path, [], epochs=1)
    scored, order = set(graph.evaluated[0]), [n for batch in graph.stepped for n in batch]
    assert scored <= set(TRAIN)
    assert scored != set(order[: len(VALIDATION)])


def test_a_picture_that_cannot_be_drawn_does_not_hide_why_a_run_failed(tmp_path):
    def plot(*arguments):
        raise OSError("no font")

    with pytest.raises(UserError, match="the cost became nan"):
        run_loop(tmp_path, [], [np.nan], plot, epochs=1)
    assert "curve.png cannot be drawn: no font" in (tmp_path / "run" / "log.txt").read_text()
    with pytest.raises(OSError, match="no font"):
        run_loop(tmp_path, [], [], plot, epochs=1)
