"""Time a training step, its parts, a forward pass and a prediction; parts of benchmark.py."""

import dataclasses
import json
import platform
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

# Nothing that computes is imported up here: benchmark.py sets the threads first.

SEED = 7


def medians_ms(works, steps):
    """Median time of each of several works, in ms, after two runs that do not count.

    They take turns, so that a slow moment of the machine meets all of them.
    """
    times = {name: [] for name in works}
    for n in range(steps + 2):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if n >= 2:
                times[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(values) for name, values in times.items()}


def median_ms(work, steps):
    """Median time of one work, in ms."""
    return medians_ms({"": work}, steps)[""]


def make_graph(arguments):
    """The graph that `--outputs` names, and a random minibatch for it."""
    import numpy as np

    from pose3d import config
    from pose3d.model import detection, regression

    rng = np.random.default_rng(SEED)
    tasks = {"detection": detection.DetectionGraph, "regression": regression.RegressionGraph}
    task = next(name for name, graph in tasks.items() if graph.width == arguments.outputs)
    sizes = [f"network.kernels={arguments.kernels}", f"training.batch_size={arguments.batch}"]
    settings = config.load(task, overrides=sizes)
    if task == "regression":
        unit = regression.TargetScale(np.zeros(arguments.outputs), np.ones(arguments.outputs))
        graph = tasks[task](settings, unit)
    else:
        graph = tasks[task](settings)
    images = rng.random((arguments.batch, 128, 128), dtype=np.float32)
    targets = rng.random((arguments.batch, arguments.outputs), dtype=np.float32)
    return graph, images, targets.round() if task == "detection" else targets


def flops(network, batch):
    """Useful floating point operations by layer: ``{name: (forward pass, gradients)}``.

    A multiplication and an addition count two. Only one of four convolution outputs has a gradient
    behind a 2 x 2 pool, so the convolutions' gradients count a quarter of the forward pass each.
    """
    from pose3d.dataset.crop import IMAGE_SIDE
    from pose3d.ops.shapes import POOL, pooled_side

    side, found = IMAGE_SIDE, {}
    for layer in network.convolutions:
        maps_out, maps_in, kernel, _ = layer.W.get_value(borrow=True).shape
        side = pooled_side(side, kernel)
        work = 2 * batch * (POOL * side) ** 2 * kernel**2 * maps_in * maps_out
        found[layer.name] = work, work / POOL**2 * (2 if found else 1)
    for layer in network.dense:
        work = 2 * batch * layer.W.get_value(borrow=True).size
        found[layer.name] = work, 2 * work
    return found


def multiply_adds(threads):
    """What shows the peak of the machine's FMA units: ``(work, operations)``, on registers alone."""
    import numba
    import numba.types as nt
    import numpy as np
    from numba.extending import intrinsic

    from pose3d.ops.kernels import simd

    lanes, dtype, rounds = simd.host_target().lanes("float32"), "float32", 2_000_000
    accumulators = 12  # enough to hide the latency, and no more than any processor holds

    def codegen(context, builder, signature, args):
        e = simd.Emitter(builder, dtype, lanes)
        factor, term = e.constant(0.999), e.constant(0.001)
        start = [e.constant(float(n)) for n in range(accumulators)]
        sums = e.loop(args[0], start, lambda _, values: [e.fma(v, factor, term) for v in values])
        total = sums[0]
        for value in sums[1:]:
            total = builder.fadd(total, value)
        e.store(total, e.pointer(args[1]))
        return context.get_dummy_value()

    @intrinsic
    def multiply_add(typingctx, rounds, out):
        return nt.void(nt.int64, nt.int64), codegen

    @numba.njit(parallel=True)
    def run(out):
        for part in numba.prange(threads):
            multiply_add(rounds, out[part].ctypes.data)

    out = np.zeros((threads, lanes), np.float32)
    return lambda: run(out), 2 * rounds * accumulators * lanes * threads


def thread_layers():
    """What runs the threads of the kernels and of the matrix products, and how many there are."""
    import numba
    from threadpoolctl import threadpool_info

    layers = {"kernels": f"numba {numba.threading_layer()} x {numba.get_num_threads()}"}
    for pool in threadpool_info():
        if pool["user_api"] == "blas":
            name = Path(pool["filepath"]).name.split("-")[0].removesuffix(".so")
            layers[name] = f"{pool['internal_api']} {pool.get('architecture', '')} x {pool['num_threads']}"
    return layers


def versions():
    from pose3d.training.run_folder import PACKAGES

    return {"python": platform.python_version(), **{name: version(name) for name in (*PACKAGES, "llvmlite")}}


def step(arguments):
    """Time one training step and one forward pass."""
    graph, images, targets = make_graph(arguments)
    print(f"compiling for kernels {arguments.kernels}, batch {arguments.batch} ...", flush=True)
    forward_ms = median_ms(lambda: graph.predict(images), arguments.steps)
    train_ms = median_ms(lambda: graph.step(images, targets), arguments.steps)
    forward, backward = map(sum, zip(*flops(graph.network, arguments.batch).values(), strict=True))
    peak, operations = multiply_adds(arguments.threads)
    result = {
        "kernels": arguments.kernels,
        "batch": arguments.batch,
        "threads": arguments.threads,
        "outputs": arguments.outputs,
        "train_ms": round(train_ms, 2),
        "forward_ms": round(forward_ms, 2),
        "gflops_train": round((forward + backward) / train_ms / 1e6, 1),
        "gflops_forward": round(forward / forward_ms / 1e6, 1),
        "peak_gflops": round(operations / median_ms(peak, 9) / 1e6, 1),
        "versions": versions(),
        "thread_layers": thread_layers(),
    }
    print(json.dumps(result))


def predict(arguments):
    """Time `pose3d.load(...).predict` on prepared crops, for minibatches of 1, 32 and 128."""
    import numpy as np

    import pose3d
    from pose3d.dataset.samples import Origin
    from pose3d.model import weights

    graph, _, _ = make_graph(arguments)
    scale = {}
    if graph.task == "regression":
        scale = dataclasses.asdict(graph.scale) | {"mean_pose": graph.scale.mean}
    trained_on = weights.TrainedOn(Origin("", None, ""), [], [])
    with tempfile.TemporaryDirectory() as folder:
        path, params = Path(folder) / "weights.npz", graph.network.get_weights()
        weights.save(path, weights.Weights(graph.task, graph.config, params, trained_on, scale))
        network = pose3d.load(path)
    crops = np.random.default_rng(SEED).integers(0, 256, (128, 128, 128), np.uint8)
    found = {}
    for size in (1, 32, 128):  # one after the other: in turns, the large ones would empty the caches
        ms = median_ms(lambda some=crops[:size]: network.predict(some), arguments.steps)
        found[str(size)] = round(1e3 * size / ms, 1)
    print(json.dumps({"kernels": arguments.kernels, "images_per_s": found, **versions()}))


def convolution_parts(network, images, compiled):
    """(name, work) of every convolution layer's passes, each on the true output of the one before."""
    import numpy as np
    import pytensor.tensor as pt

    from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights

    rng = np.random.default_rng(SEED)
    value = images[..., np.newaxis]
    for number, layer in enumerate(network.convolutions):
        shape = (None, *value.shape[1:])
        x, props = pt.tensor(dtype=images.dtype, shape=shape), tuple(layer.sizes.values())
        forward = compiled([x], ConvPool(*props).make_node(x, layer.W, layer.b).outputs)
        y, winner = forward(value)
        gradient = rng.standard_normal(y.shape, dtype=y.dtype)
        names = [pt.tensor(dtype=a.dtype, shape=(None, *a.shape[1:])) for a in (y, winner, gradient)]
        yield f"{layer.name} forward", lambda f=forward, a=value: f(a)
        weights = compiled([x, *names], ConvPoolGradWeights(*props)(x, *names))
        arrays = value, y, winner, gradient
        yield f"{layer.name} filter gradient", lambda f=weights, a=arrays: f(*a)
        if number:
            sides = [np.int64(side) for side in value.shape[1:3]]
            inputs = compiled(names, ConvPoolGradInput(*props)(layer.W, *names, *sides))
            yield f"{layer.name} input gradient", lambda f=inputs, a=arrays[1:]: f(*a)
        value = y


def dense_parts(graph, targets, compiled):
    """(name, work) of the dense layers, the cost with its gradient, and the update of all parameters."""
    import numpy as np
    import pytensor
    import pytensor.tensor as pt

    from pose3d.model import updates

    network, rng = graph.network, np.random.default_rng(SEED)
    params = {name: p for layer in network.dense for name, p in layer.params.items()}
    x, g = pt.matrix(dtype=targets.dtype), pt.matrix(dtype=targets.dtype)
    raw = x
    for layer in network.dense:
        raw = layer(raw)
    features = np.tanh(rng.standard_normal((len(targets), network.dense[0].W.get_value().shape[0]), x.dtype))
    gradients = pt.grad(None, [x, *params.values()], known_grads={raw: g})
    forward, both = compiled([x], raw), compiled([x, g], [raw, *gradients])
    numbers = forward(features)
    yield "dense layers forward", lambda: forward(features)
    yield "dense layers forward and gradients", lambda: both(features, numbers)
    cost = graph.cost(x, graph.targets)
    costs = compiled([x, graph.targets], [cost, pt.grad(cost, x)])
    yield "cost and its gradient", lambda: costs(numbers, targets)
    constants = [pytensor.shared(np.ones_like(p.get_value()) / 1e6) for p in network.params.values()]
    linear = sum((p * c).sum() for p, c in zip(network.params.values(), constants, strict=True))
    gradients = pytensor.grad(linear, list(network.params.values()))
    rules = updates.momentum_decay(gradients, network.params, graph.velocity, graph.squares, **graph.hyper)
    update = compiled([], [], updates=rules)
    yield "update", update


def breakdown(arguments):
    """Time the parts of a training step, each compiled and run on its own."""
    import pytensor

    from pose3d.model.graph import MODE

    graph, images, targets = make_graph(arguments)

    def compiled(inputs, outputs, **more):
        return pytensor.function(inputs, outputs, mode=MODE, **more)

    works = dict(convolution_parts(graph.network, images, compiled))
    works |= dict(dense_parts(graph, targets, compiled))
    peak, operations = multiply_adds(arguments.threads)
    works |= {"peak": peak, "whole": lambda: graph.step(images, targets)}
    parts = medians_ms(works, arguments.steps)
    whole, both = parts.pop("whole"), parts.pop("dense layers forward and gradients")
    peak_gflops = operations / parts.pop("peak") / 1e6
    parts["dense layers gradients"] = both - parts["dense layers forward"]
    parts["the rest: layout, calls, cold caches"] = whole - sum(parts.values())
    for part, ms in parts.items():
        print(f"{part:40s} {ms:8.2f} ms {100 * ms / whole:5.1f} %")
    print(f"{'whole step':40s} {whole:8.2f} ms")
    print(f"peak of multiplications and additions: {peak_gflops:.0f} GFLOP/s")
    for layer, (forward, _) in flops(graph.network, arguments.batch).items():
        if f"{layer} forward" in parts:
            gflops = forward / parts[f"{layer} forward"] / 1e6
            share = 100 * gflops / peak_gflops
            print(f"{layer} forward: {gflops:.0f} useful GFLOP/s, {share:.0f} % of the peak")
    rounded = {part: round(ms, 2) for part, ms in parts.items()}
    print(json.dumps({"train_ms": round(whole, 2), "peak_gflops": round(peak_gflops, 1), **rounded}))
