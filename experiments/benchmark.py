"""Where the time of a training step goes, and how fast it is for this machine.

    python experiments/benchmark.py step --kernels 32 64 64 --batch 128 --threads 2
    python experiments/benchmark.py breakdown --kernels 5 10 15
    python experiments/benchmark.py start

`step` times one training step (forward, cost, gradients, update) and one forward pass on random
images in memory, and prints JSON as its last line. `breakdown` times the parts of a step one by
one. `start` times a command's way to its first step, with empty caches and with full ones.
"""

import argparse
import json
import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

# Nothing that computes is imported up here: thread counts and caches are read from the
# environment when numba, PyTensor and the matrix library are loaded, and `main` sets them first.

PACKAGES = ("pose3d", "pytensor", "numba", "llvmlite", "numpy", "scipy")
SEED = 7


def set_threads(count):
    """The same number of threads for the kernels and for the matrix products."""
    for name in ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(count)


def median_ms(work, steps):
    """Median time of `work`, in ms, after two runs that do not count."""
    work(), work()
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def make_graph(arguments):
    """The graph that `--outputs` names, and a random minibatch for it."""
    import numpy as np

    from pose3d import config, detection, regression

    rng = np.random.default_rng(SEED)
    tasks = {"detection": detection.DetectionGraph, "regression": regression.RegressionGraph}
    task = next(name for name, graph in tasks.items() if graph.width == arguments.outputs)
    settings = config.load(task, overrides=[f"network.kernels={arguments.kernels}"])
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
    from pose3d.network import IMAGE_SIDE
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

    from pose3d.ops import simd

    lanes, dtype, rounds = simd.host_target().lanes("float32"), "float32", 2_000_000
    accumulators = min(12, simd.host_target().accumulators)

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
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


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


def parser():
    result = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    commands = result.add_subparsers(dest="command", required=True)
    for work in (step,):
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
        command.add_argument("--steps", type=int, default=9, help="timed runs, of which the median counts")
    return result


def main():
    arguments = parser().parse_args()
    set_threads(arguments.threads)
    arguments.work(arguments)


if __name__ == "__main__":
    main()
