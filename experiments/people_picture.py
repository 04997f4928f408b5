"""Draw the picture at the head of README.rst: unseen synthetic people, and the poses of the shipped network.

    python experiments/people_picture.py --data data/people

Of S11, whose bodies trained no network, one person of each of eight families of poses is taken at random.
"""

import argparse
import sys

import numpy as np

import pose3d
from pose3d.dataset import Dataset
from pose3d.errors import command
from pose3d.report.colours import EDGE_COLOURS
from pose3d.report.plots import drawing

FAMILIES = (
    "Waiting", "Walking", "Phoning", "Sitting", "Lunging", "Crouching", "SittingDown", "Kneeling",
)  # fmt: skip
TRUTH = "#C8C8C8"


@drawing.own_style
def draw(path, images, predictions, truths, titles):
    """Images above, predicted poses over the true ones below."""
    figure = drawing.new_figure(1.45 * len(images), 3.2)
    for i, image in enumerate(images):
        axes = figure.add_subplot(2, len(images), 1 + i)
        drawing.draw_image(axes, image)
        axes.set_title(titles[i], fontsize=8)
        axes = figure.add_subplot(2, len(images), 1 + len(images) + i, projection="3d")
        drawing.draw_pose(axes, truths[i], colours=[TRUTH] * len(EDGE_COLOURS))
        drawing.draw_pose(axes, predictions[i])
        drawing.frame_poses(axes, np.stack([predictions[i], truths[i]]))
        axes.set_axis_off()
    drawing.save(figure, path, dpi=90)


@command
def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="data/people", help="built files (default: %(default)s)")
    parser.add_argument("--out", default="experiments/pictures/people.png", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (default: 0)")
    arguments = parser.parse_args(argv)
    rng = np.random.default_rng(arguments.seed)
    data = Dataset.open(arguments.data, subjects=["S11"], actions=list(FAMILIES))
    chosen = [int(rng.choice(np.flatnonzero(data.action == family))) for family in FAMILIES]
    images, truths = data.images(chosen), data.poses[chosen]
    poses = pose3d.load().predict(images, mirror=True)
    errors = np.linalg.norm(poses - truths, axis=2).mean(axis=1)
    titles = [f"{family}, {error:.0f} mm" for family, error in zip(FAMILIES, errors, strict=True)]
    draw(arguments.out, images, poses, truths, titles)


if __name__ == "__main__":
    sys.exit(main())
