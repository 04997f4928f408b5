import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pose3d
from pose3d.dataset.samples import Dataset
from pose3d.errors import UserError
from pose3d.inference import predictor
from pose3d.skeleton import pelvis_relative


def images(built, count):
    return Dataset.open(built).images(np.arange(count))


def test_poses_of_any_number_of_images(built, regression_run):
    network, some = pose3d.load(regression_run), images(built, 131)
    poses = network.predict(some)
    assert (network.task, poses.shape) == ("regression", (131, 17, 3))
    graph = pose3d.load(regression_run).graph
    assert not poses[:, 0].any()  # the pelvis
    for chosen in (slice(128), slice(128, None)):
        expected = pelvis_relative(graph.predict(some[chosen]).reshape(-1, 17, 3))
        np.testing.assert_array_equal(poses[chosen], expected)
    assert network.predict(some[:0]).shape == (0, 17, 3)


def test_networks_of_one_shape_share_their_code(built, regression_run, monkeypatch):
    """Compiled code is never freed: networks loaded in turn would fill the memory."""
    some = images(built, 3)
    one = pose3d.load(regression_run)
    before = one.predict(some)
    monkeypatch.setattr("pytensor.function", None)
    two = pose3d.load(regression_run)
    shift = {"fc3.b": two.graph.network.get_weights()["fc3.b"] + 1}
    two.graph.network.set_weights(shift)
    expected = before + pelvis_relative(two.graph.scale.deviation.astype(np.float32).reshape(17, 3))
    np.testing.assert_allclose(two.predict(some), expected, rtol=1e-5)
    np.testing.assert_array_equal(one.predict(some), before)


def test_probabilities_of_a_detection_network(built, detection_run):
    network, some = predictor.load(detection_run / "best.npz"), images(built, 5)
    windows = network.predict(some)
    assert (network.task, windows.shape) == ("detection", (5, 17, 10, 10))
    assert 0 < windows.min() <= windows.max() < 1
    graph = pose3d.load(detection_run).graph
    # Joint-major, windows row by row.
    assert windows[3, 4, 2, 7] == graph.predict(some)[3, 427]


@pytest.mark.parametrize("task", ["regression", "detection"])
def test_an_average_over_mirror_images_is_asked_for(built, regression_run, detection_run, task):
    run = regression_run if task == "regression" else detection_run
    network, some = pose3d.load(run), images(built, 130)
    plain, both = network.predict(some), network.predict(some, mirror=True)
    assert both.shape == plain.shape
    assert not np.allclose(both, plain, rtol=1e-3)
    expected = network.graph.predict_mirrored(some[128:]).reshape(2, *plain.shape[1:])
    np.testing.assert_allclose(both[128:], pelvis_relative(expected) if task == "regression" else expected)


@pytest.fixture
def ships(monkeypatch, tmp_path, regression_run, detection_run):
    """A folder that holds the networks that come with pose3d."""
    for task, run in (("regression", regression_run), ("detection", detection_run)):
        shutil.copy(run / "best.npz", tmp_path / f"people-{task}.npz")
    monkeypatch.setattr(predictor, "__file__", str(tmp_path / "predictor.py"))
    return tmp_path


def test_without_a_path_the_networks_that_come_with_pose3d_are_loaded(ships, built, detection_run):
    assert pose3d.load().task == "regression"
    network, some = pose3d.load(task="detection"), images(built, 3)
    np.testing.assert_array_equal(network.predict(some), pose3d.load(detection_run).predict(some))
    assert network.about["epoch"] >= 1


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"PK")])
def test_a_missing_or_damaged_file_of_pose3d_is_to_be_installed_again(ships, damage):
    damage(ships / "people-regression.npz")
    with pytest.raises(
        UserError, match=r"people-regression\.npz: .* missing or damaged; install pose3d again"
    ):
        pose3d.load()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((128, 128), np.uint8), r"images must be \(N, 128, 128\), not \(128, 128\)"),
        (np.zeros((2, 128, 100), np.uint8), r"not \(2, 128, 100\)"),
        (np.full((1, 128, 128), 200.0), "must lie in 0 to 1, these reach from 200 to 200"),
        (np.linspace(-0.5, 1, 128**2).reshape(1, 128, 128), "these reach from -0.5 to 1"),
        (np.full((1, 128, 128), np.nan), "must lie in 0 to 1, these reach from nan to nan"),
        (np.zeros((1, 128, 128), int), "uint8, or floats from 0 to 1, not int64"),
    ],
)
def test_other_images_are_refused(regression_run, bad, message):
    with pytest.raises(ValueError, match=message):
        pose3d.load(regression_run).predict(bad)


def test_threads_share_a_network(built, regression_run):
    some, network = images(built, 8), pose3d.load(regression_run)
    expected = [network.predict(some[:n]) for n in range(9)]

    def call(n):
        return n, network.predict(some[:n])

    with ThreadPoolExecutor(4) as pool:
        for n, poses in pool.map(call, [n % 9 for n in range(200)]):
            np.testing.assert_array_equal(poses, expected[n])


def test_a_pickled_network_predicts_and_trains_alike(built, regression_run):
    some, network = images(built, 8), pose3d.load(regression_run)
    targets = np.ones((8, 51))
    network.graph.step(some, targets)  # compiled, and no longer as its file
    again = pickle.loads(pickle.dumps(network))
    for graph in (network.graph, again.graph):
        graph.step(some, targets)
    np.testing.assert_array_equal(again.predict(some), network.predict(some))


FORK = """
import multiprocessing, sys
import numpy as np
import pose3d
network = pose3d.load(sys.argv[1])
images = np.zeros((2, 128, 128), np.uint8)
context = multiprocessing.get_context(sys.argv[2])
if __name__ == "__main__":
    if sys.argv[3] == "before":
        network.predict(images)
    with context.Pool(1) as pool:
        print(pool.apply(network.predict, [images]).shape)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "when", "said"),
    [
        ("fork", "before", "UserError: this process was forked after a network had run"),
        ("fork", "after", "(2, 17, 3)"),
        ("spawn", "before", "(2, 17, 3)"),
    ],
)
def test_a_child_predicts_or_says_in_one_line_why_not(regression_run, tmp_path, method, when, said):
    (tmp_path / "forking.py").write_text(FORK, encoding="utf-8")
    command = [sys.executable, "forking.py", str(regression_run), method, when]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    last = (done.stdout + done.stderr).splitlines()[-1]
    assert said in last
