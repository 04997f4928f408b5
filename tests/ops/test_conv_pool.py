"""The Op as PyTensor sees it: shapes, gradients, backends."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

from pose3d.ops import reference
from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights, conv_pool
from pose3d.ops.kernels import parts
from pose3d.ops.linker import NODES

SIZES = {"maps_in": 2, "maps_out": 3, "kernel": 3}


def arguments(dtype="float64", rows=8, columns=11):
    rng = np.random.RandomState(5)
    shapes = (2, rows, columns, 2), (3, 2, 3, 3), (3,)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def cost_and_gradients(dtype):
    x, w, b = (pt.tensor(name, dtype=dtype, shape=(None,) * n) for name, n in (("x", 4), ("w", 4), ("b", 1)))
    cost = (conv_pool(x, w, b, **SIZES) ** 2).sum()
    return [x, w, b], [cost, *pytensor.grad(cost, [x, w, b])]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", [NODES, Mode(linker="py")], ids=["nodes", "py"])
def test_a_graph_agrees_with_the_reference(dtype, mode):
    inputs, outputs = cost_and_gradients(dtype)
    x, w, b = arguments(dtype)
    values = pytensor.function(inputs, outputs, mode=mode)(x, w, b)
    y, winner = reference.forward(x, w, b)
    dw, db = reference.grad_weights(x, y, winner, 2 * y, SIZES["kernel"])
    dx = reference.grad_input(w, y, winner, 2 * y, *x.shape[1:3])
    for value, expected in zip(values, ((y**2).sum(), dx, dw, db), strict=True):
        assert value.dtype == dtype
        np.testing.assert_allclose(
            value, expected, rtol={"float32": 1e-4, "float64": 1e-11}[dtype], atol=1e-5
        )


def test_gradients_by_finite_differences_through_the_kernels():
    inputs, outputs = cost_and_gradients("float64")
    function = pytensor.function(inputs, outputs, mode=NODES)
    values = arguments()
    _, *gradients = function(*values)
    rng = np.random.RandomState(6)
    for n, gradient in enumerate(gradients):
        direction = rng.normal(size=gradient.shape)
        ends = []
        for step in (1e-6, -1e-6):
            moved = list(values)
            moved[n] = moved[n] + step * direction
            ends.append(function(*moved)[0])
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx((gradient * direction).sum(), rel=1e-6)


def test_the_first_layers_input_gradient_is_never_computed():
    (x, w, b), _ = cost_and_gradients("float64")
    cost = conv_pool(x, w, b, **SIZES).sum()
    function = pytensor.function([x, w, b], pytensor.grad(cost, [w, b]), mode=NODES)
    ops = [type(node.op) for node in function.maker.fgraph.toposort()]
    assert ops.count(ConvPool) == 1
    assert ConvPoolGradInput not in ops


def test_shapes_are_known_without_computing():
    x = pt.tensor("x", dtype="float32", shape=(None, 128, 128, 2))
    w, b = pt.tensor4("w", dtype="float32"), pt.vector("b", dtype="float32")
    y = conv_pool(x, w, b, **SIZES)
    assert y.type.shape == (None, 63, 63, 3)
    function = pytensor.function([x, w, b], y.shape, mode=NODES, on_unused_input="ignore")
    assert not any(isinstance(node.op, ConvPool) for node in function.maker.fgraph.toposort())


def test_wrong_inputs_are_refused_when_the_graph_is_built():
    x, w, b = (
        pt.tensor4("x", dtype="float32"),
        pt.tensor4("w", dtype="float32"),
        pt.vector("b", dtype="float64"),
    )
    with pytest.raises(TypeError, match="float64"):
        conv_pool(x, w, b, **SIZES)
    with pytest.raises(ValueError, match="axes"):
        conv_pool(x, b, b, **SIZES)
    with pytest.raises(ValueError, match="at least 4"):
        conv_pool(pt.tensor(dtype="float32", shape=(1, 3, 9, 2)), w, w[0, 0, 0], **SIZES)
    with pytest.raises(ValueError, match="activation"):
        ConvPool(1, 1, 3, "sine")


def test_arrays_that_do_not_fit_the_layer_are_refused():
    inputs, outputs = cost_and_gradients("float64")
    function = pytensor.function(inputs, outputs, mode=NODES)
    x, w, b = arguments()
    for wrong in ((x[..., :1], w, b), (x, w[:2], b), (x, w, b[:2])):
        with pytest.raises(ValueError, match=r"shape \(.*where the layer takes \("):
            function(*wrong)
    with pytest.raises(ValueError, match="at least 4"):
        function(x[:, :3], w, b)
    gradients = ConvPoolGradWeights(2, 3, 3)(inputs[0], outputs[1], pt.tensor4(dtype="uint8"), outputs[1])
    node, (y, winner) = gradients[0].owner, reference.forward(x, w, b)
    with pytest.raises(ValueError, match="where the layer takes"):
        node.op.perform(node, [x, y, winner, y[:1]], [[None], [None]])


def test_an_edited_kernel_has_another_key(monkeypatch):
    key = parts.key("a kernel", 3)
    assert parts.key("a kernel", 3) == key != parts.key("a kernel", 4)
    monkeypatch.setattr(parts, "source_hash", lambda: "another source")
    assert parts.key("a kernel", 3) != key


def test_the_source_hash_sees_every_file_of_the_kernels(monkeypatch, tmp_path):
    folder = shutil.copytree(Path(reference.__file__).parent, tmp_path / "ops")
    monkeypatch.setattr(parts, "__file__", str(folder / "kernels" / "parts.py"))
    before = parts.source_hash.__wrapped__()
    assert before == parts.source_hash()
    for path in folder.rglob("*.py"):
        path.write_text(path.read_text() + "\n# edited\n")
        after = parts.source_hash.__wrapped__()
        assert after != before
        before = after


TWO_FUNCTIONS = """
import sys
import numpy, pytensor, pytensor.tensor as pt
from pose3d.ops.conv_pool import conv_pool
from pose3d.ops.linker import NODES
x, w, b = (pt.tensor(dtype="float32", shape=(None,) * n) for n in (4, 4, 1))
y = conv_pool(x, w, b, maps_in=2, maps_out=3, kernel=3)
for output in (y, y + 1)[int(sys.argv[1]):]:
    mode = NODES if sys.argv[2] == "NODES" else sys.argv[2]
    function = pytensor.function([x, w, b], output, mode=mode)
    print(function(*(numpy.ones(shape, "float32") for shape in ((2, 8, 11, 2), (3, 2, 3, 3), (3,)))).shape)
"""


def test_without_pytensors_cache_kernels_are_kept_nowhere_else(tmp_path):
    # numba's own cache would find one layer's code under the name of another's.
    flags = f"base_compiledir={tmp_path},numba__cache=False"
    done = subprocess.run(
        [sys.executable, "-c", TWO_FUNCTIONS, "0", "NODES"],
        env={**os.environ, "PYTENSOR_FLAGS": flags, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(2, 3, 4, 3)\n" * 2
    assert not [*tmp_path.rglob("*.nbc")]


@pytest.mark.parametrize("linked", ["NODES", "NUMBA"])
def test_kernels_read_from_the_disk_cache_run_in_a_fresh_process(tmp_path, linked):
    # The second function calls the kernel that the first has compiled. A process that reads it from the cache
    # compiles no parallel code, and nothing else starts numba's threads.
    for first in (0, 1):
        done = subprocess.run(
            [sys.executable, "-c", TWO_FUNCTIONS, str(first), linked],
            env={**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={tmp_path}"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "(2, 3, 4, 3)\n" * (2 - first)
