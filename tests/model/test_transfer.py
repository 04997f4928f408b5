"""Weight transfer, and the reading of the original project's pickles.

The files ``data/python2_*.pkl`` were written by Python 2.7.18 with numpy 1.16.6, from the arrays of
`original_arrays`: the first three by six calls of ``cPickle.dump`` with protocols 0, 1 and 2, the last
by one call for the list of the six.
"""

import hashlib
import os
import pickle
import shutil
import struct
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose3d import config
from pose3d.config import NetworkSettings
from pose3d.dataset.samples import Origin
from pose3d.errors import UserError
from pose3d.model.network import Network
from pose3d.model.regression import RegressionGraph, TargetScale
from pose3d.model.transfer import TRANSFERRED, transfer
from pose3d.model.weights import BEST, Weights, save
from tests.small import TRAINED_ON

KERNELS = (1, 2, 3)
PLAIN = TargetScale(np.zeros(51), np.ones(51))
SCALE = TargetScale(np.linspace(-50, 50, 51), np.linspace(1, 200, 51))
PICKLES = sorted((Path(__file__).parents[1] / "data").glob("python2_*.pkl"))


def original_arrays():
    rng = np.random.RandomState(5)
    shapes = [(1, 1, 5, 5), (1,), (2, 1, 5, 5), (2,), (3, 2, 6, 6), (3,)]
    return [rng.uniform(-1, 1, shape).astype("float32") for shape in shapes]


def regression_graph(kernels=KERNELS, *settings, scale=PLAIN):
    settings = config.load("regression", None, [f"network.kernels={list(kernels)}", *settings])
    return RegressionGraph(settings, scale)


@pytest.fixture
def graph():
    return regression_graph()


def weights_file(path, trained_on=TRAINED_ON, **changes):
    """A detection network's file of KERNELS, with some parameters changed; None leaves one out."""
    settings = config.load("detection", None, [f"network.kernels={list(KERNELS)}", "network.seed=7"])
    params = Network(1700, settings.network).get_weights() | changes
    params = {k: v for k, v in params.items() if v is not None}
    save(path, Weights("detection", settings, params, trained_on))
    return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return weights_file(tmp_path_factory.mktemp("run") / BEST)


def check_transferred(before, graph, expected):
    after = graph.network.get_weights()
    for name, value in after.items():
        wanted = expected[name] if name in TRANSFERRED else before[name]
        np.testing.assert_array_equal(value, wanted, strict=True)  # bit for bit
    assert (after["conv1.W"] != before["conv1.W"]).any()


def test_what_is_transferred():
    assert TRANSFERRED == ("conv1.W", "conv1.b", "conv2.W", "conv2.b", "conv3.W", "conv3.b")


@pytest.mark.parametrize("whole", [True, False])
def test_from_a_run_folder_or_a_file(graph, saved, whole):
    before = graph.network.get_weights()
    transfer(saved.parent if whole else saved, graph, TRAINED_ON.data)
    check_transferred(before, graph, Network(1700, NetworkSettings(kernels=KERNELS, seed=7)).get_weights())


def test_rescaling_lets_fc1_see_the_spread_of_random_weights(tmp_path):
    graph = regression_graph(KERNELS, "transfer.rescale=true")
    images = np.random.default_rng(0).integers(0, 256, (9, 128, 128), dtype=np.uint8)
    strong = {name: 5 * value for name, value in graph.network.get_weights().items() if "conv" in name}
    path = weights_file(tmp_path / BEST, **strong)
    before, spread = graph.network.get_weights(), np.std(graph.activations(images)["conv3"])
    transfer(path, graph, TRAINED_ON.data, images)
    after = graph.network.get_weights()
    factor = spread / np.std(graph.activations(images)["conv3"])
    assert factor < 0.5
    np.testing.assert_allclose(after["fc1.W"], before["fc1.W"] * factor, rtol=1e-4)
    assert all((after[name] == before[name]).all() for name in ("fc1.b", "fc2.W", "fc3.W"))


def test_what_gives_one_value_cannot_be_rescaled(tmp_path):
    graph = regression_graph(KERNELS, "transfer.rescale=true")
    path = weights_file(tmp_path / BEST, **{"conv3.W": np.zeros((3, 2, 6, 6), np.float32)})
    with pytest.raises(UserError, match="transfer.rescale: conv3 gives one value"):
        transfer(path, graph, TRAINED_ON.data, np.zeros((2, 128, 128), np.uint8))


def regression_file(path, *settings, **changes):
    """A regression network's file, with a scale of targets, and its graph."""
    graph = regression_graph(KERNELS, "network.seed=9", *settings, scale=SCALE)
    params = {k: v for k, v in (graph.network.get_weights() | changes).items() if v is not None}
    scale = {"mean": SCALE.mean, "deviation": SCALE.deviation, "mean_pose": SCALE.mean}
    save(path, Weights("regression", graph.config, params, TRAINED_ON, scale))
    return graph


def test_a_regression_network_gives_all_and_the_same_mm(tmp_path):
    """Whatever the spread of the poses that it is trained further on; fc1 is not rescaled."""
    theirs = regression_file(tmp_path / BEST)
    other = TargetScale(np.linspace(80, -60, 51), np.linspace(300, 40, 51))
    ours = regression_graph(KERNELS, "transfer.rescale=true", scale=other)
    init, lines = transfer(tmp_path, ours, TRAINED_ON.data)
    assert lines == [f"all layers from {tmp_path}"]
    assert init["path"] == str(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (5, 128, 128), dtype=np.uint8)
    expected = theirs.predict(images)
    assert np.ptp(expected, axis=0).max() > 1
    np.testing.assert_allclose(ours.predict(images), expected, rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(
        ours.network.get_weights()["fc1.W"], theirs.network.get_weights()["fc1.W"], strict=True
    )


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        (
            ['network.activation="relu"'],
            {},
            "has network.activation relu, not tanh: train with --set 'network.a",
        ),
        (["network.dense=[8, 9]"], {}, "has network.dense .8, 9., not .1024, 2048.: train with"),
        (['regression.last="tanh"'], {}, "has regression.last tanh, not identity: train with"),
        ([], {"fc2.b": None}, "lacks fc2.b: train again"),
    ],
)
def test_a_regression_network_of_another_kind_is_not_trained_further(
    graph, tmp_path, settings, changes, message
):
    regression_file(tmp_path / BEST, *settings, **changes)
    with pytest.raises(UserError, match=f"{BEST} {message}"):
        transfer(tmp_path, graph, TRAINED_ON.data)


def test_targets_within_tanh_cannot_be_scaled_anew(tmp_path):
    regression_file(tmp_path / BEST, 'regression.last="tanh"')
    with pytest.raises(UserError, match=f"{BEST} cannot be trained further: its regression.last is tanh"):
        transfer(tmp_path, regression_graph(KERNELS, 'regression.last="tanh"'), TRAINED_ON.data)


@pytest.mark.parametrize("path", PICKLES, ids=lambda path: path.stem)
def test_from_the_originals_file(graph, path):
    before = graph.network.get_weights()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy deprecates what Python 2's pickles pass to dtype
        transfer(path, graph, TRAINED_ON.data)
    check_transferred(before, graph, dict(zip(TRANSFERRED, original_arrays(), strict=True)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_from_todays_pickle_in_any_order_of_memory(graph, tmp_path, protocol):
    path, before = tmp_path / "w.pkl", graph.network.get_weights()
    arrays = [np.asfortranarray(a).astype(">f8") for a in original_arrays()]
    path.write_bytes(pickle.dumps(tuple(arrays), protocol))
    transfer(path, graph, TRAINED_ON.data)
    check_transferred(before, graph, dict(zip(TRANSFERRED, original_arrays(), strict=True)))


# Pickles that would do something. MARK stands where the path of the file goes that must not appear.
MARK = b"@PATH@"


def call(module, name, *arguments):
    """A protocol 2 pickle of ``module.name(*arguments)``, arguments being bytes or pickled parts."""
    return b"c%s\n%s\n(%stR" % (module, name, b"".join(arguments))


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


TOUCH = text(b"touch " + MARK)
CODE = text(b"open('" + MARK + b"', 'w')")
SYSTEM = call(os.system.__module__.encode(), b"system", TOUCH)


def array_with(payload):
    """A one-element object array whose element is `payload`, as numpy pickles it."""
    empty = pickle.dumps(np.array([None], object), protocol=3)
    at = empty.rindex(b"N")
    return empty[:at] + payload + empty[at + 1 : -1]


MALICIOUS = {
    "os.system": (SYSTEM, "posix.system"),
    "os.system by its other name": (call(b"os", b"system", TOUCH), "os.system"),
    "eval": (call(b"builtins", b"eval", CODE), "builtins.eval"),
    "Python 2's eval": (call(b"__builtin__", b"eval", CODE), r"(__builtin__|builtins)\.eval"),
    "exec": (call(b"builtins", b"exec", CODE), "builtins.exec"),
    "getattr": (call(b"builtins", b"getattr", text(b"a"), text(b"upper")), "builtins.getattr"),
    "numpy's own files": (call(b"numpy", b"save", text(MARK), b"K\x01"), r"numpy\.save"),
    "numpy's runner": (
        call(b"numpy.testing._private.utils", b"runstring", CODE, b"}"),
        r"numpy\.testing\._private\.utils\.runstring",
    ),
    "a name below numpy": (call(b"numpy", b"ndarray.tofile", text(MARK)), r"numpy\.ndarray\.tofile"),
    "inside a list": (b"](" + SYSTEM + b"e", "posix.system"),
    "inside an object array": (array_with(SYSTEM), "posix.system"),
    "after an array": (pickle.dumps(np.zeros((1, 1, 5, 5)), 3)[2:-1] + b"0" + SYSTEM, "posix.system"),
    "an object array of nothing bad": (array_with(b"K\x05"), "should hold the six arrays"),
    "another codec": (b"c_codecs\nencode\n(Va\nVrot13\ntR.", "encoding 'rot13'"),
    "a persistent id": (b"PX\n", "neither a weights file nor a pickle"),
    "an extension": (b"\x82\x01", "neither a weights file nor a pickle"),
}


def armed(payload, path):
    """A whole pickle with the path filled in; the length before every text with a path is put right."""
    target = os.fsencode(path)
    for string in (TOUCH, CODE, text(MARK)):
        payload = payload.replace(string, text(string[5:].replace(MARK, target)))
    return b"\x80\x02" + payload + b"."


@pytest.mark.parametrize("name", list(MALICIOUS))
def test_a_pickle_that_does_something_is_refused_and_does_nothing(graph, tmp_path, name):
    payload, told = MALICIOUS[name]
    path, sign, before = tmp_path / "w.pkl", tmp_path / "sign", graph.network.get_weights()
    path.write_bytes(armed(payload, sign))
    with pytest.raises(UserError, match=rf"w\.pkl is .*{told}"):
        transfer(path, graph, TRAINED_ON.data)
    assert not sign.exists()
    for parameter, value in graph.network.get_weights().items():
        np.testing.assert_array_equal(value, before[parameter])


@pytest.mark.parametrize(
    "name", ["os.system", "eval", "inside a list", "inside an object array", "after an array"]
)
def test_a_plain_unpickler_would_have_obeyed(tmp_path, name):
    """Otherwise the test above proved nothing."""
    pickle.loads(armed(MALICIOUS[name][0], tmp_path / "sign"))
    assert (tmp_path / "sign").exists()


def test_the_six_are_counted_and_their_kind_is_checked(graph, tmp_path):
    path = tmp_path / "w.pkl"
    arrays = original_arrays()
    integers = [a.astype(int) for a in arrays]
    swapped = [arrays[1], arrays[0], *arrays[2:]]
    too_few, too_many = arrays[:5], arrays + arrays[:1]
    for wrong in (too_few, too_many, [], integers, swapped, [*arrays[:5], [0.0]], [arrays], "six"):
        path.write_bytes(pickle.dumps(wrong, protocol=3))
        with pytest.raises(
            UserError, match=r"w\.pkl is refused: it should hold the six arrays W0 b0 W1 b1 W2 b2"
        ):
            transfer(path, graph, TRAINED_ON.data)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.99])
def test_a_truncated_pickle(graph, tmp_path, share):
    path = tmp_path / "w.pkl"
    content = PICKLES[-1].read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"w\.pkl is (neither a weights file nor a pickle of arrays|refused)"):
        transfer(path, graph, TRAINED_ON.data)


def test_other_kernels_are_refused_with_the_remedy(saved):
    other = regression_graph((1, 2, 4))
    for path in (saved, PICKLES[0]):
        with pytest.raises(UserError) as refused:
            transfer(path, other, TRAINED_ON.data)
        remedy = "train with --set 'network.kernels=[1, 2, 3]'"
        assert str(refused.value).endswith(f"has kernels [1, 2, 3], the network [1, 2, 4]: {remedy}")


def test_another_shape_is_refused(graph, tmp_path):
    path = weights_file(tmp_path / "w.npz", **{"conv2.W": np.zeros((2, 1, 7, 7), "float32")})
    with pytest.raises(UserError, match=r"w\.npz: conv2\.W has shape \(2, 1, 7, 7\), the network's has"):
        transfer(path, graph, TRAINED_ON.data)


def test_a_missing_layer_is_named(graph, tmp_path):
    path = weights_file(tmp_path / "w.npz", **{"conv2.W": None, "conv3.b": None})
    with pytest.raises(UserError, match=r"w\.npz lacks conv2\.W, conv3\.b"):
        transfer(path, graph, TRAINED_ON.data)


def test_numbers_that_are_not_finite_are_refused(graph, tmp_path):
    arrays = original_arrays()
    arrays[2][0, 0, 1, 1] = np.nan
    path = tmp_path / "w.pkl"
    path.write_bytes(pickle.dumps(arrays, protocol=3))
    with pytest.raises(UserError, match=r"w\.pkl: conv2\.W holds numbers that are not finite"):
        transfer(path, graph, TRAINED_ON.data)


def test_a_damaged_weights_file_is_not_taken_for_a_pickle(graph, saved, tmp_path):
    path = tmp_path / "w.npz"
    shutil.copy(saved, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"w\.npz is no weights file of pose3d, or damaged"):
        transfer(path, graph, TRAINED_ON.data)


@pytest.mark.parametrize(
    ("setting", "key", "subject"),
    [
        ("data.test=['S9']", 'data.test=["S9"]', "S9"),
        ("data.test=['S7', 'S11']", 'data.test=["S7", "S11"]', "S7"),  # which chose the best epoch
        ("data.validation=subject:S9", 'data.validation="subject:S9"', "S9"),
    ],
)
def test_pre_training_that_saw_what_this_run_keeps_is_refused(tmp_path, setting, key, subject):
    theirs = replace(TRAINED_ON, train=["S1", "S9"], validation=["S7"])
    path = weights_file(tmp_path / "w.npz", theirs)
    graph = regression_graph(KERNELS, setting)
    with pytest.raises(UserError) as refused:
        transfer(path, graph, TRAINED_ON.data)
    assert str(refused.value) == (
        f"{path} was trained with {subject}, which {key.partition('=')[0]} keeps from this run: train it "
        f"again with --set '{key}'"
    )
    transfer(path, graph, replace(TRAINED_ON.data, synthetic=False))  # other people of the same name


def test_the_subject_that_chose_the_best_epoch_may_choose_again(tmp_path):
    path = weights_file(tmp_path / "w.npz", replace(TRAINED_ON, train=["S1"], validation=["S9"]))
    transfer(path, regression_graph(KERNELS, "data.validation=subject:S9"), TRAINED_ON.data)


def test_convolutions_of_other_data_are_taken_with_a_note(saved, graph):
    init, lines = transfer(saved.parent, graph, TRAINED_ON.data)
    assert lines == [f"conv1, conv2, conv3 from {saved.parent}"]
    assert init == {"path": str(saved.parent), "sha256": hashlib.sha256(saved.read_bytes()).hexdigest()}
    ours = Origin("data/human36m", False, 64 * "a")
    assert transfer(saved, graph, ours)[1][1:] == [
        f"note: {saved} was trained on data/raw (synthetic, fingerprint ffffffff), this run's "
        "data are data/human36m (real, fingerprint aaaaaaaa)"
    ]


def test_a_pickle_does_not_say_whom_it_was_trained_with(graph):
    _, (_, note) = transfer(PICKLES[0], graph, TRAINED_ON.data)
    assert note.startswith(f"note: {PICKLES[0]} does not say what it was trained on; make sure that it was")
