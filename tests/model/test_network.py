import numpy as np
import pytensor
import pytest
from msgspec.structs import replace

from pose3d.config import NetworkSettings
from pose3d.model.graph import MODE
from pose3d.model.network import Network, feature_count

KERNELS = (3, 4, 6)
SETTINGS = NetworkSettings(kernels=KERNELS)
IMAGES = np.random.RandomState(0).uniform(size=(2, 128, 128)).astype("float32")
NAMES = [f"{layer}.{kind}" for layer in ("conv1", "conv2", "conv3", "fc1", "fc2", "fc3") for kind in "Wb"]


@pytest.fixture(scope="module")
def network():
    return Network(51, SETTINGS)


def test_feature_counts_of_the_two_configurations():
    assert feature_count(15) == 2160  # 15 * 12^2
    assert feature_count(64) == 9216


@pytest.mark.parametrize(
    ("kernels", "dense", "outputs"),
    [(KERNELS, (1024, 2048), 51), ((5, 10, 15), (7, 9), 1700), ((1, 7, 2), (20, 30), 51)],
)
def test_names_and_shapes(kernels, dense, outputs):
    (k1, k2, k3), (d1, d2) = kernels, dense
    params = Network(outputs, NetworkSettings(kernels=kernels, dense=dense)).params
    assert list(params) == [p.name for p in params.values()] == NAMES
    assert [p.get_value(borrow=True).shape for p in params.values()] == [
        (k1, 1, 5, 5), (k1,), (k2, k1, 5, 5), (k2,), (k3, k2, 6, 6), (k3,),
        (k3 * 144, d1), (d1,), (d1, d2), (d2,), (d2, outputs), (outputs,),
    ]  # fmt: skip


def test_the_seed_decides():
    other = Network(51, replace(SETTINGS, seed=1)).get_weights()
    again = Network(51, SETTINGS).get_weights()
    same = Network(51, SETTINGS).get_weights()
    for name in NAMES:
        np.testing.assert_array_equal(again[name], same[name])
        if name.endswith("W"):
            assert (again[name] != other[name]).any()


@pytest.fixture(scope="module")
def dropping():
    """A network that drops half of fc1 and fc2, its output in training, and without."""
    network = Network(51, replace(SETTINGS, dropout=0.5))
    images = pytensor.tensor.tensor("images", dtype="float32", shape=(None, 128, 128))
    trained, updates = network.output(images, training=True)
    plain, none = network.output(images)
    assert none == {}
    assert list(updates) == [network.dropout_rng]
    return (
        network,
        pytensor.function([images], trained, updates=updates, mode=MODE),
        pytensor.function([images], plain, mode=MODE),
    )


def test_dropout_is_on_in_training_alone(dropping, network):
    _, trained, plain = dropping
    images = pytensor.tensor.tensor("images", dtype="float32", shape=(None, 128, 128))
    without = pytensor.function([images], network.output(images, training=True)[0], mode=MODE)(IMAGES)
    np.testing.assert_array_equal(plain(IMAGES), plain(IMAGES))
    np.testing.assert_allclose(plain(IMAGES), without, rtol=1e-5, atol=1e-6)
    first, second = trained(IMAGES), trained(IMAGES)
    assert (first != second).all()  # drawn anew


def test_dropout_repeats_with_its_seed(dropping):
    network, trained, _ = dropping
    runs = []
    for _ in range(2):
        network.dropout_rng.set_value(np.random.default_rng(network.settings.seed))
        runs.append([trained(IMAGES) for _ in range(2)])
    np.testing.assert_array_equal(*runs)


def test_dropout_draws_differ_between_the_two_layers():
    """With one generator state used twice, the units dropped of fc1 and fc2 would be the same."""
    network = Network(51, replace(SETTINGS, dropout=0.5))
    images = pytensor.tensor.tensor("images", dtype="float32", shape=(None, 128, 128))
    _, updates = network.output(images, training=True)
    chain = updates[network.dropout_rng].owner  # the second draw
    assert chain.inputs[0].owner is not None  # its generator comes from the first
    assert chain.inputs[0].owner.op == chain.op


def test_weights_are_set_by_name_and_read_as_copies(network):
    other = Network(51, replace(SETTINGS, seed=1)).get_weights()
    before = network.get_weights()
    try:
        network.set_weights({"conv2.W": other["conv2.W"], "fc3.b": np.arange(51.0)})
        after = network.get_weights()
        for name in NAMES:
            expected = {"conv2.W": other["conv2.W"], "fc3.b": np.arange(51)}.get(name, before[name])
            np.testing.assert_array_equal(after[name], expected)
        assert after["fc3.b"].dtype == "float32"
        after["fc1.b"] += 1
        assert not network.params["fc1.b"].get_value().any()
    finally:
        network.set_weights(before)


def test_weights_of_another_name_or_shape_are_refused(network):
    with pytest.raises(ValueError, match=r"no parameter conv4\.W"):
        network.set_weights({"conv4.W": np.zeros(3)})
    with pytest.raises(ValueError, match=r"conv1\.b has shape \(5,\), the network's has \(3,\)"):
        network.set_weights({"conv1.b": np.zeros(5)})
