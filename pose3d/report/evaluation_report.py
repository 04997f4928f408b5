"""Illustrations of a test: HTML page, best and worst poses, video."""

from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from pose3d.evaluation.metrics import joint_errors
from pose3d.io.tables import read_table
from pose3d.recordings.human36m import FRAMES_PER_SECOND
from pose3d.report import evaluation_tables
from pose3d.report.animation import write_animation
from pose3d.report.html_page import Curve, Shown, write_page
from pose3d.report.plots import figures

PAGE, POSES, VIDEO, FILTERS = "report.html", "poses.png", "poses.mp4", "filters.png"
VIDEO_FRAMES = 500  # at most, from the first recording
_RECORDING = ("action", "subject", "take", "camera")
_CURVES = {
    "detection": ("Detection network", "cross_entropy", "cross-entropy per window (nats)"),
    "regression": ("Regression network", "mpjpe_mm", "MPJPE (mm)"),
}


def draw(out, tested, frames):
    """Draw all pictures of a `Tested` network, and the HTML page unless `frames` is 0; return their Paths.

    Without plotly there is no page, which a line says.
    """
    draw_poses(out / POSES, tested)
    draw_video(out / VIDEO, tested)
    figures.filters_figure(out / FILTERS, tested.graph.network.get_weights()["conv1.W"])
    written = [out / POSES, out / VIDEO, out / FILTERS]
    if frames and find_spec("plotly") is None:
        print(f"no {PAGE}: it needs plotly, pip install 'pose3d[report]'")
    elif frames:
        draw_page(out / PAGE, tested, frames)
        written.append(out / PAGE)
    return written


def draw_poses(path, tested):
    """Draw the best, median and worst frame, as in the report's figure 6."""
    data, indices, poses = tested.data, tested.indices, tested.pair.predictions
    errors = joint_errors(poses, data.poses[indices]).mean(axis=1)
    order = np.argsort(errors, kind="stable")
    shown = order[[0, len(order) // 2, -1]]
    titles = [
        f"{name}: {errors[i]:.1f} mm\n" + _title(data, indices[i]).replace(" camera", "\ncamera")
        for name, i in zip(("best", "median", "worst"), shown, strict=True)
    ]
    images = data.images(indices[shown], keep=False)
    figures.poses_figure(path, images, poses[shown], data.poses[indices[shown]], titles)


def draw_video(path, tested):
    """Write a video of the first recording, prediction beside ground truth."""
    data, indices, poses = tested.data, tested.indices, tested.pair.predictions
    first = indices[0]
    same = [getattr(data, name)[indices] == getattr(data, name)[first] for name in _RECORDING]
    rows = np.flatnonzero(np.all(same, axis=0))[:VIDEO_FRAMES]
    truths = data.poses[indices[rows]]
    errors = joint_errors(poses[rows], truths).mean(axis=1)
    images = data.images(indices[rows], keep=False)
    rate = Fraction(FRAMES_PER_SECOND, _step(data, indices[rows]))
    write_animation(path, images, poses[rows], truths, errors, rate)


def draw_page(path, tested, frames):
    """Write the HTML page, with every n-th of the test samples, at most `frames`."""
    data, indices, results = tested.data, tested.indices, tested.results
    runs = {"regression": tested.run, "detection": tested.detection}
    every = -(-len(indices) // frames)
    rows = np.arange(0, len(indices), every)
    shown, images = indices[rows], data.images(indices[rows], keep=False)
    viewer = Shown(
        images,
        tested.pair.predictions[rows],
        data.poses[shown],
        [_title(data, i) for i in shown],
        FRAMES_PER_SECOND / _step(data, shown),
        tested.probabilities(images) if tested.detector else None,
    )
    subjects = ", ".join(results["subjects"])
    write_page(
        path,
        f"Test on {subjects}",
        f"Weights: {results['weights']}. Samples: {data.folder}, {results['frames']} frames; the viewer "
        f"shows {'all' if every == 1 else f'1 of {every}'}. Boxes and masks come from the data set.",
        evaluation_tables.figures(results),
        viewer,
        evaluation_tables.tables(results),
        [curve for curve in (_curve(kind, runs.get(kind)) for kind in _CURVES) if curve],
        "Errors in mm, after root alignment, in the camera frame. Results on synthetic walkers are not "
        "comparable with results on Human3.6M. Written by pose3d.",
    )


def _title(data, i):
    recording = f"{data.action[i]} {data.subject[i]} take {data.take[i]} camera {data.camera[i]}"
    return f"{recording} frame {data.frame[i]}"


def _step(data, indices):
    """Median difference of the frame numbers."""
    steps = np.diff(data.frame[indices])
    return max(1, int(np.median(steps))) if len(steps) else 1


def _curve(kind, run):
    """Read the learning curve of a run folder; None without one, or if it is empty."""
    path = Path(run or "") / "curve.csv"
    if not run or not path.is_file() or not path.stat().st_size:
        return None
    title, score, label = _CURVES[kind]
    columns, rows = read_table(path)
    names = {f"{part}_{score}": part for part in ("train", "validation", "test")}
    names = {key: name for key, name in names.items() if key in columns}
    return Curve(title, rows, names, label) if names else None
