"""Figures of build, training and test, one PNG each."""

import textwrap

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from pose3d.dataset.windows import N_WINDOWS, labels
from pose3d.report.colours import EDGE_COLOURS, SIDE_COLOURS
from pose3d.report.plots import drawing
from pose3d.skeleton import JOINTS, KEPT_IDS

# Line styles differ in dashes as well, for print without colour and for colour blindness.
_LINE_STYLES = (
    {"color": "#0072B2", "linestyle": "-"},
    {"color": "#D55E00", "linestyle": "--"},
    {"color": "#009E73", "linestyle": "-."},
    {"color": "#CC79A7", "linestyle": ":"},
)
_BEHIND = "#D0D0D0"  # the ground truth behind a prediction
_WINDOWS = "#F0E442"
_TITLE_WIDTH = 38  # characters of a title above an image of 3 inches


@drawing.own_style
def contact_sheet(path, images, joints_2d, titles, columns=6):
    """Draw crops with their skeletons; each crop shows the positive windows of another joint.

    Images (n, 128, 128), uint8; joints (n, 17, 2), crop px.
    """
    rows = -(-len(images) // columns)
    figure = drawing.new_figure(2.2 * columns, 2.5 * rows)
    all_axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in all_axes:
        axes.set_axis_off()
    positive = labels(joints_2d)
    for i, (axes, image, title) in enumerate(zip(all_axes, images, titles, strict=False)):
        # 5 and 17 are coprime: all joints occur, and neighbours show joints far apart on the body.
        joint = 5 * i % len(JOINTS)
        drawing.draw_image(axes, image)
        drawing.draw_windows(axes, positive[i, joint], facecolor="none", edgecolor=_WINDOWS, linewidth=0.8)
        drawing.draw_joints(axes, joints_2d[i])
        axes.set_title(f"{title}\nwindows: {JOINTS[joint]}", fontsize=7)
    _side_legend(figure, {"positive windows of the joint that is named": _WINDOWS})
    drawing.save(figure, path, dpi=110)


@drawing.own_style
def poses_figure(path, images, predictions, truths, titles):
    """Draw image, prediction and ground truth side by side, as in the report's figure 6.

    The two poses of a row share view and scale. The ground truth is drawn in gray behind the prediction.
    Images (n, 128, 128), uint8; poses (n, 17, 3), mm, camera frame, pelvis-relative; n titles such as
    ``"best: 31.4 mm"``.
    """
    figure = drawing.new_figure(9, 3.1 * len(images))
    for i, (image, prediction, truth, title) in enumerate(
        zip(images, predictions, truths, titles, strict=True)
    ):
        axes = figure.add_subplot(len(images), 3, 3 * i + 1)
        drawing.draw_image(axes, image)
        axes.set_title(
            "\n".join(textwrap.fill(line, _TITLE_WIDTH) for line in title.splitlines()), fontsize=9
        )
        both = np.stack([prediction, truth])
        for column, pose, name in ((2, prediction, "prediction"), (3, truth, "ground truth")):
            axes = figure.add_subplot(len(images), 3, 3 * i + column, projection="3d")
            if name == "prediction":
                drawing.draw_pose(axes, truth, colours=[_BEHIND] * len(EDGE_COLOURS))
            drawing.draw_pose(axes, pose)
            drawing.frame_poses(axes, both)
            if i == 0:
                axes.set_title(name, fontsize=9)
    _side_legend(figure, {"ground truth": _BEHIND}, columns=2)  # below the image: 3D axes reach far down
    drawing.save(figure, path)


def _side_legend(figure, more=None, columns=4):
    """Add a legend for the sides of the person, and for a dict of more names to colours."""
    sides = {"person's left": "left", "person's right": "right", "trunk": "middle"}
    colours = {name: SIDE_COLOURS[side] for name, side in sides.items()} | (more or {})
    handles = [Line2D([], [], color=colour, linewidth=3) for colour in colours.values()]
    figure.legend(handles, list(colours), loc="outside lower left", ncols=columns, fontsize=8)


@drawing.own_style
def sample_figure(path, frame, box, image, pose, title):
    """Draw a sample from frame to pose, as in the report's figure 1(b) to (e).

    Frame (H, W, 3), uint8, RGB; `box` (x0, y0, x1, y1), px in it; image (128, 128), uint8; pose (17, 3), mm,
    camera frame, pelvis-relative.
    """
    figure = drawing.new_figure(13, 3.7)
    panels = [figure.add_subplot(1, 4, 1 + i, projection="3d" if i > 1 else None) for i in range(4)]
    panels[0].imshow(frame)
    panels[0].set_axis_off()
    x0, y0, x1, y1 = box
    panels[0].add_patch(
        Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, facecolor="none", edgecolor="#F0E442", linewidth=2)
    )
    panels[0].set_title(title, fontsize=8)
    drawing.draw_image(panels[1], image)
    panels[1].set_title("the sample, 128 x 128", fontsize=9)
    for axes, name in zip(panels[2:], ("its pose", "the 17 joints and their ids"), strict=True):
        drawing.draw_pose(axes, pose)
        drawing.frame_poses(axes, pose[None])
        axes.set_title(name, fontsize=9)
    for joint_id, (x, y, z) in zip(KEPT_IDS, pose, strict=True):
        panels[3].text(x, z, -y, str(joint_id), fontsize=7)
    _side_legend(figure)
    drawing.save(figure, path)


@drawing.own_style
def windows_figure(path, image, joints_2d, joints=("pelvis", "head", "left knee", "right elbow")):
    """Draw the grid and the positive windows of a sample, as in the report's figure 2.

    Image (128, 128), uint8; joints (17, 2), crop px. Each joint named has a panel; the last panel shows the
    windows of all 17.
    """
    positive = labels(joints_2d[None])[0]
    shown = {"the 10 x 10 grid": None, **{name: positive[JOINTS.index(name)] for name in joints}}
    shown["all 17 joints"] = positive.any(axis=0)
    figure = drawing.new_figure(2.3 * len(shown), 2.6)
    for axes, (name, windows) in zip(figure.subplots(1, len(shown)), shown.items(), strict=True):
        drawing.draw_image(axes, image)
        every = np.ones(N_WINDOWS, bool)
        drawing.draw_windows(axes, every, facecolor="none", edgecolor="#FFFFFF", linewidth=0.3, alpha=0.5)
        if windows is not None:
            drawing.draw_joints(axes, joints_2d)
            drawing.draw_windows(axes, windows, facecolor="#F0E44255", edgecolor="#F0E442", linewidth=1)
        axes.set_title(name, fontsize=9)
    drawing.save(figure, path)


@drawing.own_style
def filters_figure(path, weights, columns=8):
    """Draw the filters of conv1 (maps, 1, 5, 5) as they lie over the image: rotated by 180 degrees."""
    reach = np.abs(weights).max()
    columns = min(columns, len(weights))
    rows = -(-len(weights) // columns)
    figure = drawing.new_figure(1.2 * columns + 1.2, 1.35 * rows + 0.3)
    all_axes = figure.subplots(rows, columns, squeeze=False)
    for axes in all_axes.ravel():
        axes.set_axis_off()
    for number, (axes, filters) in enumerate(zip(all_axes.ravel(), weights, strict=False), 1):
        shown = axes.imshow(filters[0, ::-1, ::-1], cmap="RdBu_r", vmin=-reach, vmax=reach)
        axes.set_title(f"map {number}", fontsize=8)
    figure.colorbar(shown, ax=all_axes, label="weight", shrink=0.8)
    drawing.save(figure, path)


@drawing.own_style
def curve_figure(path, rows, names, ylabel):
    """Draw learning curves from one dict per epoch; missing and None values are skipped.

    `names` maps keys of the rows to the legend, in drawing order; `ylabel` has the unit.
    """
    figure = drawing.new_figure(6.4, 4)
    axes = figure.add_subplot()
    for (key, name), style in zip(names.items(), _LINE_STYLES * len(names), strict=False):
        shown = [row for row in rows if row.get(key) is not None]
        marker = "." if len(shown) < 30 else None
        x, y = ([row[column] for row in shown] for column in ("epoch", key))
        axes.plot(x, y, label=name, marker=marker, **style)
    scale = drawing.axis_scale([row.get(key) for row in rows for key in names])
    axes.set(xlabel="epoch", ylabel=ylabel, yscale=scale)
    if scale == "log":
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    drawing.save(figure, path, dpi=120)
