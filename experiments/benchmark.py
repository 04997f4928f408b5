"""How fast training and building are for this machine, and where the time goes.

    python experiments/benchmark.py step --kernels 32 64 64 --batch 128 --threads 2
    python experiments/benchmark.py breakdown --kernels 5 10 15
    python experiments/benchmark.py epoch --data data/walking
    python experiments/benchmark.py predict
    python experiments/benchmark.py start
    python experiments/benchmark.py build
    python experiments/benchmark.py stream
    python experiments/benchmark.py chunks
    python experiments/benchmark.py ranks --kernels 32 64 64

`step` times one training step (forward, cost, gradients, update) and one forward pass on random
images in memory, and prints JSON as its last line. `predict` times a trained network from Python.
`breakdown` times the parts of a step one by one. `epoch` times an epoch of a built data set against its
steps alone. `start` times a process's way to its first step, with empty caches and with full ones. `build`
times the conversion of recordings against decoding alone; `stream` trains on 10,000 and 100,000 samples
from memory and from the disk; `chunks` compares ways to store the images; `ranks` times training over MPI
and computes what more machines would give.
"""

import argparse
import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import data_benchmarks
import rank_benchmarks

# Nothing that computes is imported up here: thread counts and caches are read from the
# environment when numba, PyTensor and the matrix library are loaded, and `main` sets them first.

SEED = 7


def set_threads(count):
    """The same number of threads for the kernels and for the matrix products."""
    for name in ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(count)


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
    """Useful floating point operations: ``(forward, training step)``.

    A multiplication and an addition count two. Only one of four convolution outputs has a gradient
    behind a 2 x 2 pool, so the convolutions' gradients count a quarter of the forward pass each.
    """
    from pose3d.dataset.crop import IMAGE_SIDE
    from pose3d.ops.shapes import POOL, pooled_side

    side, forward, backward = IMAGE_SIDE, 0, 0
    for layer in network.convolutions:
        maps_out, maps_in, kernel, _ = layer.W.get_value(borrow=True).shape
        side = pooled_side(side, kernel)
        work = 2 * batch * (POOL * side) ** 2 * kernel**2 * maps_in * maps_out
        forward += work
        backward += work / POOL**2 * (1 if layer is network.convolutions[0] else 2)
    for layer in network.dense:
        work = 2 * batch * layer.W.get_value(borrow=True).size
        forward, backward = forward + work, backward + 2 * work
    return forward, forward + backward


def peak_gflops(threads):
    """What the machine's FMA units reach on registers alone, all threads together."""
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
    ms = median_ms(lambda: run(out), 9)
    return 2 * rounds * accumulators * lanes * threads / ms / 1e6


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
    forward, train = flops(graph.network, arguments.batch)
    result = {
        "kernels": arguments.kernels,
        "batch": arguments.batch,
        "threads": arguments.threads,
        "outputs": arguments.outputs,
        "train_ms": round(train_ms, 2),
        "forward_ms": round(forward_ms, 2),
        "gflops_train": round(train / train_ms / 1e6, 1),
        "gflops_forward": round(forward / forward_ms / 1e6, 1),
        "peak_gflops": round(peak_gflops(arguments.threads), 1),
        "versions": versions(),
        "thread_layers": thread_layers(),
    }
    print(json.dumps(result))


def predict(arguments):
    """Time `pose3d.load(...).predict` on prepared crops, for minibatches of 1, 32 and 128."""
    import numpy as np

    import pose3d
    from pose3d.model import weights

    graph, _, _ = make_graph(arguments)
    scale = dataclasses.asdict(graph.scale) if graph.task == "regression" else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.npz"
        weights.save(path, weights.Weights(graph.task, graph.config, graph.network.get_weights(), scale))
        network = pose3d.load(path)
    crops = np.random.default_rng(SEED).integers(0, 256, (128, 128, 128), np.uint8)
    works = {size: lambda some=crops[:size]: network.predict(some) for size in (1, 32, 128)}
    ms = medians_ms(works, arguments.steps)
    found = {str(size): round(1e3 * size / each, 1) for size, each in ms.items()}
    print(json.dumps({"kernels": arguments.kernels, "images_per_s": found, **versions()}))


def convolution_parts(network, images, compiled):
    """(name, work) of every convolution layer's passes, each on the true output of the one before."""
    import numpy as np
    import pytensor.tensor as pt

    from pose3d.ops import ConvPool, ConvPoolGradInput, ConvPoolGradWeights

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
    rules = updates.momentum_decay(linear, network.params, graph.velocity, **graph.hyper)
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
    parts = medians_ms({**works, "whole": lambda: graph.step(images, targets)}, arguments.steps)
    whole, both = parts.pop("whole"), parts.pop("dense layers forward and gradients")
    parts["dense layers gradients"] = both - parts["dense layers forward"]
    parts["the rest: layout, calls, cold caches"] = whole - sum(parts.values())
    for part, ms in parts.items():
        print(f"{part:40s} {ms:8.2f} ms {100 * ms / whole:5.1f} %")
    print(f"{'whole step':40s} {whole:8.2f} ms")
    print(json.dumps({"train_ms": round(whole, 2), **{part: round(ms, 2) for part, ms in parts.items()}}))


def epoch(arguments):
    """Time an epoch over a built data set against its steps alone, on one minibatch in memory."""
    import numpy as np

    from pose3d import config
    from pose3d.dataset.splits import minibatches, open_split
    from pose3d.training.checkpoint import Progress
    from pose3d.training.loop import train_epoch
    from pose3d.training.tasks import Task

    graph, _, targets = make_graph(arguments)
    choice = config.DataSettings(memory=arguments.memory)
    data, chosen = open_split(arguments.data, choice, needs_test=False)
    samples = np.random.default_rng(SEED).permutation(chosen.train)[: 16 * arguments.batch]
    data.mean_pose(chosen.train)  # which a training asks for, too
    rng = np.random.default_rng(SEED)
    images = data.images(samples[: arguments.batch])

    class Random(Task):
        """The graph on random targets."""

        def targets(self, indices):
            return targets[: len(indices)]

    task = Random(graph, data)

    def steps():
        for batch in minibatches(samples, arguments.batch):
            graph.step(images[: len(batch)], targets[: len(batch)])

    def whole():
        train_epoch(task, Progress(epoch=1, order=rng.permutation(samples)))

    works = {"epoch": whole, "steps": steps}
    times = medians_ms(works, arguments.steps)
    ratio = round(times["epoch"] / times["steps"], 3)
    about = {
        "samples": len(data),
        "memory": arguments.memory,
        "peak_mb": round(data_benchmarks.peak_mb()),
        "ratio": ratio,
    }
    print(json.dumps({**{f"{name}_ms": round(ms, 1) for name, ms in times.items()}, **about}))


def first(arguments):
    """Compile and run one training step; what `start` times."""
    import pose3d.train_regression  # noqa: F401  (the command imports all of it)

    graph, images, targets = make_graph(arguments)
    graph.step(images, targets)


def start(arguments):
    """Time a process's way to its first training step, with empty caches and with full ones."""
    command = [sys.executable, __file__, "first", "--batch", str(arguments.batch)]
    command += ["--threads", str(arguments.threads), "--outputs", str(arguments.outputs)]
    command += ["--kernels", *map(str, arguments.kernels)]
    seconds = {}
    with tempfile.TemporaryDirectory() as caches:
        flags = f"base_compiledir={caches}/pytensor"
        environment = {**os.environ, "NUMBA_CACHE_DIR": f"{caches}/numba", "PYTENSOR_FLAGS": flags}
        for name in ("cold", "warm"):
            begin = time.perf_counter()
            subprocess.run(command, check=True, env=environment)
            seconds[f"{name}_s"] = round(time.perf_counter() - begin, 2)
    print(json.dumps({"kernels": arguments.kernels, "outputs": arguments.outputs, **seconds, **versions()}))


def rank(arguments):
    """Time steps, and the sum of gradients alone, in one or more ranks; what `ranks` starts."""
    from pose3d.io.ranks import world
    from pose3d.training.data_parallel import data_parallel

    with world() as ranks:
        graph, images, targets = make_graph(arguments)
        graph, mine = data_parallel(graph, ranks), ranks.share(arguments.batch)
        images, targets = images[mine].copy(), targets[mine].copy()
        found = {"step_ms": median_ms(lambda: graph.step(images, targets, arguments.batch), arguments.steps)}
        if ranks.size > 1:
            import numpy as np

            numbers = sum(param.get_value(borrow=True).size for param in graph.trained.values())
            message = np.zeros(numbers + 1, np.float32)
            found["add_up_ms"] = median_ms(lambda: ranks.add_up(message), arguments.steps)
            found["message_mb"] = message.nbytes / 1e6
        print(json.dumps(found), flush=True)


def parser():
    result = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    commands = result.add_subparsers(dest="command", required=True)
    works = (step, predict, breakdown, epoch, start, first, data_benchmarks.build, data_benchmarks.stream)
    for work in (*works, data_benchmarks.chunks, rank, rank_benchmarks.ranks):
        command = commands.add_parser(
            work.__name__, help=work.__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        command.set_defaults(work=work)
        command.add_argument("--kernels", type=int, nargs=3, default=[5, 10, 15], help="maps of conv1-3")
        command.add_argument("--batch", type=int, default=128, help="images of a minibatch")
        command.add_argument("--threads", type=int, default=os.cpu_count(), help="of all libraries")
        command.add_argument(
            "--outputs", type=int, choices=(51, 1700), default=51, help="51: regression, 1700: detection"
        )
        command.add_argument("--data", default="data/walking", help="folder of the built files")
        command.add_argument(
            "--memory", choices=("auto", "all", "stream"), default="auto", help="for `epoch`"
        )
        command.add_argument("--raw", help="for `build`: a raw tree, Human3.6M's own, in place of walkers")
        command.add_argument("--frames", type=int, default=300, help="for `build`: of each recording")
        command.add_argument(
            "--noise",
            type=float,
            default=data_benchmarks.NOISE,
            help="for `build`: of the sensor, gray levels",
        )
        command.add_argument(
            "--rounds", type=int, default=3, help="for `build` and `ranks`: of which the median counts"
        )
        command.add_argument(
            "--samples",
            type=int,
            nargs=2,
            default=[10_000, 100_000],
            help="for `stream`: of the two data sets",
        )
        command.add_argument("--steps", type=int, default=9, help="timed runs, of which the median counts")
    return result


def main():
    arguments = parser().parse_args()
    set_threads(arguments.threads)
    arguments.work(arguments)


if __name__ == "__main__":
    main()
