"""Steps that ranks share against the same steps of one process, which are tested elsewhere.

mpiexec runs this very file, so that both sides do the same; see `main`.
"""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from pose3d.config import load
from pose3d.io.ranks import ALONE, Alone, world
from pose3d.model.detection import DetectionGraph
from pose3d.model.regression import RegressionGraph, TargetScale
from pose3d.training.data_parallel import DataParallelGraph, data_parallel
from pose3d.training.diagnostics import activity
from pose3d.training.tasks import DetectionTask, RegressionTask, Samples, Task
from tests.launching import run_ranks
from tests.small import SMALL

RANKS = 3
SIZES = (7, 7, 2, 1)  # over three ranks: unequal shares, and with 2 and 1 empty ones, too
CASES = {
    "detection": ("detection", "training.momentum=0.9", "training.weight_decay=0.1"),
    "order": ("regression", "training.order=old"),
    "float64": ("regression", "network.dtype=float64", "regression.cost=mpjpe", "training.weight_decay=0.1"),
}
# Small enough that no unit is driven to where it gives one value to all images.
RATES = {"detection": 0.001, "order": 0.001, "float64": 1e-4}
TOLERANCE = {"float32": 1e-4, "float64": 1e-12}  # of each parameter's largest change


def make(case, ranks, *more):
    """A small graph, shared by ranks."""
    task, *settings = CASES[case]
    rate = f"training.learning_rate={RATES[case]}"
    config = load(task, None, [*SMALL, rate, *settings, *more])
    if task == "detection":
        graph = DetectionGraph(config)
    else:
        poses = np.random.default_rng(0).normal(0, 100, (20, 17, 3))
        graph = RegressionGraph(config, TargetScale.fit([poses], config.regression))
    return data_parallel(Task(graph, None), ranks).graph


def step(graph, images, targets, ranks):
    """One step on this rank's share."""
    share = ranks.share(len(images))
    whole = [len(images)] if ranks.size > 1 else []
    return graph.step(images[share], targets[share], *whole)


def minibatches(case):
    """Images and targets of all steps, the same on all ranks."""
    rng = np.random.default_rng(1)
    for n in SIZES:
        images = rng.integers(0, 256, (n, 128, 128), dtype=np.uint8)
        yield images, rng.random((n, 1700)) < 0.1 if case == "detection" else rng.normal(0, 100, (n, 51))


def trajectory(case, ranks):
    """What a few steps make of a graph: dict of str to array."""
    graph = make(case, ranks)
    start, steps = graph.network.get_weights(), []
    for number, (images, targets) in enumerate(minibatches(case)):
        if number == 2:
            graph.set_hyper(learning_rate=RATES[case] / 3)
        steps.append(step(graph, images, targets, ranks))
    found = {f"change {k}": w - start[k] for k, w in graph.network.get_weights().items()}
    found |= {f"velocity {k}": v for k, v in graph.get_state()[0].items()}
    images, _ = next(minibatches(case))
    costs, norms = np.transpose(steps)
    return {**found, **activity(graph, images), "costs": costs, "norms": norms}


def draws(ranks):
    """What dropout's generator would draw next, before and after a step in which all ranks had a share."""
    graph = make("detection", ranks, "network.dropout=0.5")

    def following():
        drawing, (_, states) = np.random.default_rng(), graph.get_state()
        drawing.bit_generator.state = states[ranks.rank] if ranks.size > 1 else states
        return drawing.random(4)

    images, targets = next(minibatches("detection"))
    before = following()
    step(graph, images, targets, ranks)
    return {"before": before, "after": following()}


def main(folder):
    """As one of several ranks: write what they come to."""
    with world() as ranks:
        for case in CASES:
            np.savez(folder / f"{case} {ranks.rank}.npz", **trajectory(case, ranks))
        np.savez(folder / f"draws {ranks.rank}.npz", **draws(ranks))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """``found(name)``: what each rank came to."""
    folder = tmp_path_factory.mktemp("ranks")
    done = run_ranks(RANKS, "-m", __name__, folder)
    assert done.returncode == 0, done.stderr
    return lambda name: [dict(np.load(folder / f"{name} {rank}.npz")) for rank in range(RANKS)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_ranks_follow_the_steps_of_one_process_and_hold_the_same_bits(found, case):
    first, *others = found(case)
    for other in others:
        for name, value in first.items():
            np.testing.assert_array_equal(other[name], value, err_msg=name)
    wanted = trajectory(case, ALONE)
    dtype = "float64" if case == "float64" else "float32"
    assert first.keys() == wanted.keys()
    for name, value in wanted.items():
        size = np.abs(value).max()
        assert size > 0 or name.startswith(("saturated", "constant", "change conv"))
        np.testing.assert_allclose(first[name], value, rtol=0, atol=TOLERANCE[dtype] * size, err_msg=name)
    moved = {name.split()[1].split(".")[0] for name in first if "change" in name and first[name].any()}
    assert "conv1" in moved


@pytest.mark.slow
def test_every_rank_draws_its_own_dropout_and_the_first_draws_as_one_process_does(found):
    ranks = found("draws")
    for name in ("before", "after"):
        assert len({tuple(rank[name]) for rank in ranks}) == RANKS
    assert all((rank["before"] != rank["after"]).all() for rank in ranks)
    np.testing.assert_array_equal(ranks[0]["before"], draws(ALONE)["before"])


def rank_of(rank, size):
    """Stands for one of some ranks, without the others."""
    ranks = Alone()
    ranks.rank, ranks.size = rank, size
    return ranks


def test_the_shares_make_the_whole_minibatch_with_what_was_drawn_for_it():
    task = Task(make("detection", ALONE), None)
    task.samples = lambda numbers, drawn=None: Samples(numbers, drawn and drawn[0])
    ranks = [data_parallel(task, rank_of(rank, 3)) for rank in range(3)]
    shares = [one.samples(np.arange(7), [10 * np.arange(7)]) for one in ranks]
    assert np.concatenate([share.images for share in shares]).tolist() == list(range(7))
    assert np.concatenate([share.targets for share in shares]).tolist() == list(range(0, 70, 10))
    assert [len(share.images) for share in shares] == [2, 2, 3]
    assert {share.whole for share in shares} == {7}
    assert ranks[0].samples(np.arange(7)).targets is None
    assert ranks[0].evaluation_batch == 3 * 128


@pytest.mark.parametrize(("case", "kind"), [("detection", DetectionTask), ("float64", RegressionTask)])
def test_an_empty_share_adds_nothing_to_the_scores(case, kind):
    task = data_parallel(kind(make(case, ALONE), None), rank_of(0, 2))
    _, targets = next(minibatches(case))
    outputs, cost = task.graph.evaluate(np.zeros((0, 128, 128), np.uint8), targets[:0], 1)
    assert (len(outputs), cost) == (0, 0)
    assert not any(np.any(count) for count in task.counts(outputs, targets[:0]).values())


def test_ranks_whose_weights_or_velocities_differ_are_told_apart():
    graph = DataParallelGraph(make("detection", ALONE), rank_of(0, 2))
    weights = graph.network.get_weights()
    found = [graph.digest(), graph.digest("epoch 1")]
    graph.network.set_weights({"fc3.b": weights["fc3.b"] + np.float32(1e-9)})
    found.append(graph.digest())
    graph.network.set_weights(weights)
    assert graph.digest() == found[0]
    graph.velocity["fc3.b"].set_value(weights["fc3.b"] + np.float32(1e-9))
    assert len({*found, graph.digest()}) == 4


class First(Alone):
    """Rank 0 of two, whose other one has empty shares."""

    size = 2

    def add_up(self, array):
        pass


def test_a_pickled_graph_takes_the_same_steps():
    graph = data_parallel(Task(make("detection", ALONE), None), First()).graph
    images, targets = next(minibatches("detection"))
    again = pickle.loads(pickle.dumps(graph))
    for each in (graph, again):
        before = each.digest()
        each.step(images, targets, len(images))
        assert each.digest() != before
    assert again.digest() == graph.digest()


def test_one_process_trains_the_task_itself():
    task = Task(make("detection", ALONE), None)
    assert not isinstance(task.graph, DataParallelGraph)
    assert data_parallel(task, ALONE) is task


if __name__ == "__main__":
    main(Path(sys.argv[1]))
