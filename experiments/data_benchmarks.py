"""How fast recordings become samples, and what training from the disk costs; called by benchmark.py."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEED = 7
IMAGE_SIZE = 1000  # columns, as Human3.6M's
NOISE = 2.0  # gray levels, standard deviation: what a camera's sensor adds, and a rendered image has not


def peak_mb():
    """The most memory that this process has held, MB; Linux only.

    Not getrusage's figure, which a process inherits from the one that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8").split()
    return int(status[status.index("VmHWM:") + 1]) / 1024


def raw_tree(folder, frames, noise, image_size):
    """Write one take of a walker, four cameras, with a sensor's noise in the videos."""
    import numpy as np

    from pose3d import synthetic
    from pose3d.recordings import human36m

    synthetic.generate(folder, subjects=["S1"], takes=[1], frames=frames, image_size=image_size)
    recordings, _ = human36m.find_recordings(folder, subjects=["S1"])
    if noise:
        for recording in recordings:
            _add_noise(recording.video, noise, np.random.default_rng(SEED))
    return recordings


def _add_noise(path, noise, rng):
    import numpy as np

    from pose3d.io.video import read_frames, video_writer

    frames = read_frames(path)
    first = next(frames)
    with video_writer(path.with_suffix(".noisy.mp4"), *first.shape, rate=50) as show:
        for frame in (first, *frames):
            grain = rng.normal(0, noise, (*frame.shape, 1)).astype(np.float32)
            show(np.clip(frame.rgb() + grain, 0, 255).astype(np.uint8))
    path.with_suffix(".noisy.mp4").replace(path)


def decode(path):
    """Decode a video with one thread, as the build does, and do nothing with it; frames per second."""
    import av

    start, count = time.perf_counter(), 0
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for _ in container.decode(video=0):
            count += 1
    return count / (time.perf_counter() - start)


def convert(recording, path):
    """Build one recording's part: frames a second, when it began and ended, peak memory of the process."""
    from pose3d.dataset.build import build_part
    from pose3d.dataset.built_files import read_provenance

    start = time.perf_counter()
    build_part(recording, path, "benchmark", 1)
    end = time.perf_counter()
    (facts,) = read_provenance(path)["facts"]
    return facts["frames"], start, end, peak_mb()


def over_workers(recordings, folder, workers):
    """Build all recordings with that many processes: frames a second once they run, largest peak in MB."""
    from pose3d.io.processes import run_all

    tasks = [(recording, folder / f"{workers}-{i}.h5") for i, recording in enumerate(recordings)]
    done = [future.result() for _, future in run_all(convert, tasks, workers)]
    frames, starts, ends, peaks = zip(*done, strict=True)
    return sum(frames) / (max(ends) - min(starts)), max(peaks)


def build(arguments):
    """Time the conversion of recordings against decoding alone, and two workers against one."""
    from pose3d.recordings import human36m

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if arguments.raw:
            recordings, _ = human36m.find_recordings(arguments.raw)
            recordings = recordings[:4]
        else:
            print(f"writing 4 recordings of {arguments.frames} frames ...", flush=True)
            recordings = raw_tree(folder / "raw", arguments.frames, arguments.noise, arguments.image_size)
        convert(recordings[0], folder / "first.h5")  # compiles
        rates = {"decode": [], "convert": []}
        for recording in recordings * arguments.rounds:
            rates["decode"].append(decode(recording.video))
            frames, start, end, _ = convert(recording, folder / "part.h5")
            rates["convert"].append(frames / (end - start))
        one, two = [], []
        for _ in range(arguments.rounds):
            one.append(over_workers(recordings * 2, folder, 1))
            two.append(over_workers(recordings * 2, folder, 2))
        size = sum((folder / f"2-{i}.h5").stat().st_size for i in range(len(recordings)))
        bits = 8 * sum(recording.video.stat().st_size for recording in recordings)
    fps = {name: statistics.median(values) for name, values in rates.items()}
    workers = {
        name: statistics.median(rate for rate, _ in rounds) for name, rounds in (("one", one), ("two", two))
    }
    samples = frames * len(recordings)
    print(
        json.dumps(
            {
                "decode_fps": round(fps["decode"], 1),
                "convert_fps": round(fps["convert"], 1),
                "one_worker_fps": round(workers["one"], 1),
                "two_workers_fps": round(workers["two"], 1),
                "peak_worker_mb": round(max(peak for _, peak in one + two)),
                "convert_to_decode": round(
                    statistics.median(c / d for c, d in zip(rates["convert"], rates["decode"], strict=True)),
                    3,
                ),
                "two_to_one": round(statistics.median(t[0] / o[0] for t, o in zip(two, one, strict=True)), 3),
                "video_mbit_s": round(bits / (samples / 50) / 1e6, 2),
                "bytes_a_sample": round(size / samples),
            }
        )
    )


def repeat(source, folder, count):
    """Make a data set of `count` samples by repeating one, file by file, its takes renumbered."""
    from pose3d.dataset.built_files import built_path, open_built_file, read_blocks, write_built_file
    from pose3d.dataset.samples import built_files
    from pose3d.io.hdf5 import text_of

    files = built_files(Path(source))
    for path in files:
        with open_built_file(path) as file:
            action, subject = (text_of(file, name) for name in ("action", "subject"))
            size = len(file["frame"])
        times = -(-count // (len(files) * size))
        blocks = (
            {**block, "take": block["take"] + 2 * n} for n in range(times) for block in read_blocks(path)
        )
        write_built_file(built_path(folder, action, subject), action, subject, blocks, {"facts": []})


def stream(arguments):
    """Train on sets of two sizes, from memory and from the disk: peak memory, time against the steps."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for count in arguments.samples:
            folder = Path(scratch) / str(count)
            repeat(arguments.data, folder, count)
            size = sum(path.stat().st_size for path in folder.iterdir())
            for memory in ("stream", "all"):
                command = [sys.executable, str(Path(__file__).with_name("benchmark.py")), "epoch"]
                command += ["--data", str(folder), "--memory", memory]
                command += ["--steps", str(min(arguments.steps, 5))]
                command += ["--threads", str(arguments.threads), "--batch", str(arguments.batch)]
                command += ["--kernels", *map(str, arguments.kernels)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                found.append({"disk_mb": round(size / 1e6), **json.loads(done.stdout.splitlines()[-1])})
                print(json.dumps(found[-1]), flush=True)
    by = {(f["memory"], f["samples"]): f["peak_mb"] for f in found}
    small, large = sorted({f["samples"] for f in found})
    growth = {memory: round(by[memory, large] - by[memory, small]) for memory in ("stream", "all")}
    print(json.dumps({f"peak_growth_{memory}_mb": mb for memory, mb in growth.items()}))


def chunks(arguments):
    """Time and size of the ways to store the images: gzip, lzf or nothing, one or several to a chunk."""
    import h5py
    import numpy as np

    from pose3d.dataset.built_files import StoredRows
    from pose3d.dataset.samples import Dataset

    data = Dataset.open(arguments.data)
    rng = np.random.default_rng(SEED)
    images = data.images(np.sort(rng.permutation(len(data))[:4096]), keep=False)
    order = rng.permutation(len(images))[:1024]
    ways = [("gzip", level, chunk) for level in (1, 4) for chunk in (1, 8, 32)]
    ways += [("lzf", None, 1), ("lzf", None, 8), (None, None, 1)]
    print("stored           chunk  kB/image  write us  random read us  direct us")
    with tempfile.TemporaryDirectory() as scratch:
        for compression, level, chunk in ways:
            path = Path(scratch) / "images.h5"
            start = time.perf_counter()
            with h5py.File(path, "w") as file:
                options = {"compression": compression, "compression_opts": level, "chunks": (chunk, 128, 128)}
                file.create_dataset("images", data=images, **options)
            write = time.perf_counter() - start
            with h5py.File(path) as file:
                dataset = file["images"]
                start = time.perf_counter()
                for i in order:
                    dataset[i]
                read = time.perf_counter() - start
                direct = None
                if compression == "gzip" and chunk == 1:
                    rows = StoredRows(dataset)
                    start = time.perf_counter()
                    rows.read(order)
                    direct = time.perf_counter() - start
            name = f"{compression or 'plain'} {'' if level is None else level}"
            line = f"{name:16s} {chunk:5d} {path.stat().st_size / len(images) / 1e3:9.2f}"
            line += f" {1e6 * write / len(images):9.0f} {1e6 * read / len(order):15.0f}"
            print(line + (f" {1e6 * direct / len(order):9.0f}" if direct else ""))


def people(arguments):
    """Draw synthetic people of every family and crop them, in one process; the parts of a sample by time."""
    from pose3d.dataset.crop import crop
    from pose3d.synthetic.people import People
    from pose3d.synthetic.pose_families import FAMILIES

    count = 4 * arguments.steps

    def drawn(take):
        seconds = {"draw": 0.0, "crop": 0.0}
        for family in FAMILIES:
            start = time.perf_counter()
            with People("S1", family, take, count, SEED).open(1) as reader:
                seen = list(reader)
            middle = time.perf_counter()
            for one in seen:
                crop(one.frame.gray(one.box), one.mask)
            seconds["draw"] += middle - start
            seconds["crop"] += time.perf_counter() - middle
        return {name: 1e3 * value / count / len(FAMILIES) for name, value in seconds.items()}

    drawn(1)  # compiles
    times = drawn(2)
    total = sum(times.values())
    print(
        json.dumps(
            {f"{name}_ms": round(ms, 2) for name, ms in times.items()} | {"a_second": round(1e3 / total)}
        )
    )
