"""Draw skeletons, images and windows, for all figures."""

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.dataset.windows import window_bounds
from pose3d.io.atomic_files import whole
from pose3d.report.colours import EDGE_COLOURS, JOINT_COLOURS
from pose3d.skeleton import EDGES

TOO_WIDE = 6  # ratio of largest to smallest value from which an axis is logarithmic


# Decorates what makes a figure: a user's matplotlibrc, which may ask for LaTeX, has no say in it.
own_style = matplotlib.style.context("default")


def new_figure(width, height):
    """Make a figure of width x height inches, without the global state of pyplot."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure, path, dpi=100):
    """Write a figure as PNG, atomically."""
    with whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi)


def axis_scale(values):
    """Scale of a curve's axis: "log" if a high first epoch would flatten the others, else "linear"."""
    values = [value for value in values if value is not None]
    return "log" if 0 < TOO_WIDE * min(values, default=0) < max(values, default=0) else "linear"


def draw_image(axes, image):
    """Show a (128, 128) uint8 crop, in px, without axes."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_xlim(-0.5, IMAGE_SIDE - 0.5)
    axes.set_ylim(IMAGE_SIDE - 0.5, -0.5)
    axes.set(xticks=(), yticks=())  # invisible ticks are laid out all the same, which takes half of the time
    axes.set_axis_off()


def draw_joints(axes, joints_2d):
    """Draw the 17 joints, (17, 2) crop px, and their edges over an image."""
    segments = [joints_2d[list(edge)] for edge in EDGES]
    axes.add_collection(LineCollection(segments, colors=EDGE_COLOURS, linewidths=1.2))
    axes.scatter(*np.transpose(joints_2d), s=5, c=JOINT_COLOURS, zorder=3)


def draw_windows(axes, positive, **style):
    """Draw the windows where `positive`, (100,) bool, is True."""
    # matplotlib draws a px around its centre, a whole number; window bounds use the same convention.
    x0, y0, x1, y1 = window_bounds()[positive].T
    corners = np.stack([np.stack([x0, x1, x1, x0]), np.stack([y0, y0, y1, y1])]).transpose(2, 1, 0)
    axes.add_collection(PolyCollection(corners, **style))  # a patch for each takes ten times as long


def draw_pose(axes, pose, colours=EDGE_COLOURS):
    """Draw a (17, 3) pose, mm, camera frame, into 3D axes with `x`, depth `z` and height `-y`.

    In Human3.6M's camera frame y points down; without the sign the figure would be upside down.
    """
    x, y, z = np.transpose(pose)
    for (parent, child), colour in zip(EDGES, colours, strict=True):
        ends = [parent, child]
        axes.plot(x[ends], z[ends], -y[ends], color=colour, linewidth=2)


def frame_poses(axes, poses):
    """Set limits of 3D axes around all `poses`, mm, equal scales, and a view close to the camera's."""
    points = np.reshape(poses, (-1, 3))
    low, high = points.min(axis=0), points.max(axis=0)
    # A minimum depth, since a person seen from the side is thin.
    reach = np.maximum(high - low, 0.6 * np.max(high - low)) * 0.53
    (x, y, z), (dx, dy, dz) = (low + high) / 2, reach
    axes.set(xlim=(x - dx, x + dx), ylim=(z - dz, z + dz), zlim=(-y - dy, -y + dy))
    axes.set_box_aspect((dx, dz, dy), zoom=0.95)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MultipleLocator(500))
    # The camera is at elevation 0, azimuth -90; a view from slightly above and aside shows the depth.
    axes.view_init(elev=12, azim=-70)
    axes.set_xlabel("x (mm)", fontsize=7, labelpad=-4)
    axes.set_ylabel("z, depth (mm)", fontsize=7, labelpad=-4)
    axes.set_zlabel("-y (mm)", fontsize=7, labelpad=0)
    axes.tick_params(labelsize=6, pad=-2)
    axes.tick_params(axis="z", pad=3)  # its labels begin at the axis line, which would hide a minus sign
