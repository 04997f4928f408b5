"""What training over MPI costs and gives: measured here, and on paper for more machines; for benchmark.py."""

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

MACHINES = (1, 8, 64)
# Gbit/s and seconds from one machine to the next: common Ethernet, and what a cluster may have.
NETWORKS = ((1, 50e-6), (10, 20e-6), (100, 5e-6))


def _mpiexec(count):
    beside = Path(sys.executable).parent / "mpiexec"
    return [str(beside) if beside.exists() else shutil.which("mpiexec") or "mpiexec", "-n", str(count)]


def _measured(kernels, batch, threads, steps, processes=1):
    """What `benchmark.py rank` prints, run in that many processes."""
    launcher = _mpiexec(processes) if processes > 1 else []
    words = ["rank", "--batch", batch, "--threads", threads, "--steps", steps, "--kernels", *kernels]
    command = [*launcher, sys.executable, Path(__file__).with_name("benchmark.py"), *words]
    done = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def ring_ms(machines, megabytes, gigabits, latency):
    """An Allreduce in a ring: each sends and receives 2 (N - 1) / N of the volume, in 2 (N - 1) messages."""
    seconds = 2 * (machines - 1) / machines * megabytes * 8e6 / (gigabits * 1e9)
    return 1e3 * (seconds + 2 * (machines - 1) * latency)


def ranks(arguments):
    """Time a step of 1 process x 2 threads against 2 x 1 over MPI, and put more machines on paper."""
    kernels, batch = arguments.kernels, arguments.batch
    shares = {share: [] for share in (batch, *(max(1, batch // n) for n in MACHINES[1:]))}
    pairs = []
    for _ in range(arguments.rounds):  # in turns, so that a slow moment of the machine meets all of them
        for share, values in shares.items():
            values.append(_measured(kernels, share, 2, arguments.steps)["step_ms"])
        pairs.append(_measured(kernels, batch, 1, arguments.steps, processes=2))
    step_ms = {share: statistics.median(values) for share, values in shares.items()}
    pair = sorted(pairs, key=lambda one: one["step_ms"])[len(pairs) // 2]
    _print_measured(kernels, batch, step_ms, pair)
    _print_paper(batch, step_ms, pair["message_mb"])
    print(json.dumps({"kernels": kernels, "step_ms": step_ms, "two_ranks": pair}))


def _print_measured(kernels, batch, step_ms, pair):
    one, two = step_ms[batch], pair["step_ms"]
    print(f"\nkernels {list(kernels)}: measured here, batch {batch} (medians)")
    print(f"  1 process  x 2 threads {one:8.1f} ms a step")
    print(f"  2 processes x 1 thread {two:8.1f} ms a step, {one / two:.2f} times as fast")
    print(f"  of that the Allreduce  {pair['add_up_ms']:8.1f} ms, {pair['message_mb']:.1f} MB")
    print("  step of one process on a share: " + ", ".join(f"{n}: {ms:.1f} ms" for n, ms in step_ms.items()))


def _print_paper(batch, step_ms, megabytes):
    print(
        "ON PAPER, not measured: machines like this one, the step measured above on each one's share, and a "
        "ring's\nAllreduce after it: 2 (N - 1) / N x volume / bandwidth + 2 (N - 1) x latency; in brackets "
        "images/s over one machine's"
    )
    alone = batch / step_ms[batch]
    for title, share_of in (
        (f"{batch} images together", lambda n: max(1, batch // n)),
        (f"{batch} images each", lambda n: batch),
    ):
        print(f"  {title:22s}" + "".join(f"{f'{n} machines':>22s}" for n in MACHINES))
        for gigabits, latency in NETWORKS:
            cells = []
            for n in MACHINES:
                share = share_of(n)
                ms = step_ms[share] + ring_ms(n, megabytes, gigabits, latency)
                cells.append(f"{ms:.1f} ms ({n * share / ms / alone:.1f} x)")
            name = f"{gigabits} Gbit/s, {1e6 * latency:.0f} us"
            print(f"  {name:22s}" + "".join(f"{cell:>22s}" for cell in cells))
