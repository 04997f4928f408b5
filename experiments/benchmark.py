"""How fast training and building are for this machine, and where the time goes.

    python experiments/benchmark.py step --kernels 32 64 64 --batch 128 --threads 2
    python experiments/benchmark.py breakdown --kernels 5 10 15
    python experiments/benchmark.py epoch --data data/walking
    python experiments/benchmark.py predict
    python experiments/benchmark.py start
    python experiments/benchmark.py build
    python experiments/benchmark.py stream
    python experiments/benchmark.py chunks
    python experiments/benchmark.py people
    python experiments/benchmark.py ranks --kernels 32 64 64

`step` times one training step (forward, cost, gradients, update) and one forward pass on random
images in memory, and prints JSON as its last line. `predict` times a trained network from Python.
`breakdown` times the parts of a step one by one. `epoch` times an epoch of a built data set against its
steps alone. `start` times a process's way to its first step, with empty caches and with full ones. `build`
times the conversion of recordings against decoding alone; `stream` trains on 10,000 and 100,000 samples
from memory and from the disk; `chunks` compares ways to store the images; `people` draws synthetic people in
one process; `ranks` times training over MPI and computes what more machines would give.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import data_benchmarks
import rank_benchmarks
from step_benchmarks import SEED, breakdown, make_graph, median_ms, medians_ms, predict, step, versions

from pose3d.io.process_setup import prepare_process

# Nothing that computes is imported up here: thread counts and caches are read from the
# environment when numba, PyTensor and the matrix library are loaded, and `main` sets them first.


def set_threads(count):
    """The same number of threads for the kernels and for the matrix products."""
    for name in ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(count)


def epoch(arguments):
    """Time an epoch over a built data set against its steps alone, on one minibatch in memory."""
    import numpy as np

    from pose3d import config
    from pose3d.dataset.splits import minibatches, open_split
    from pose3d.training.loop import train_epoch
    from pose3d.training.state import Progress, State
    from pose3d.training.tasks import DetectionTask, RegressionTask

    graph, _, targets = make_graph(arguments)
    choice = config.DataSettings(memory=arguments.memory)
    data, chosen = open_split(arguments.data, choice, needs_test=False)
    samples = np.random.default_rng(SEED).permutation(chosen.train)[: 16 * arguments.batch]
    data.mean_pose(chosen.train)  # which a training asks for, too
    rng = np.random.default_rng(SEED)
    images = data.images(samples[: arguments.batch])
    task = {51: RegressionTask, 1700: DetectionTask}[arguments.outputs](graph, data)

    def steps():
        for batch in minibatches(samples, arguments.batch):
            graph.step(images[: len(batch)], targets[: len(batch)])

    def whole():
        state = State(graph)
        state.progress = Progress(epoch=1, order=rng.permutation(samples))
        train_epoch(task, state)

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
    from pose3d.training.data_parallel import DataParallelGraph

    with world() as ranks:
        graph, images, targets = make_graph(arguments)
        samples = [images, targets]
        if ranks.size > 1:
            graph, mine = DataParallelGraph(graph, ranks), ranks.share(arguments.batch)
            samples = [images[mine].copy(), targets[mine].copy(), arguments.batch]
        found = {"step_ms": median_ms(lambda: graph.step(*samples), arguments.steps)}
        if ranks.size > 1:
            import numpy as np

            numbers = sum(param.get_value(borrow=True).size for param in graph.network.params.values())
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
    for work in (*works, data_benchmarks.chunks, data_benchmarks.people, rank, rank_benchmarks.ranks):
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
            "--image-size",
            type=int,
            default=data_benchmarks.IMAGE_SIZE,
            help="for `build`: columns of a frame",
        )
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
    prepare_process()
    arguments.work(arguments)


if __name__ == "__main__":
    main()
