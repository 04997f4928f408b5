"""Figures are drawn, and the right way up."""

import io
import itertools

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from PIL import Image
from scipy import signal

from pose3d.dataset.windows import labels, window_bounds
from pose3d.report.colours import SIDE_COLOURS
from pose3d.report.plots import drawing, figures
from pose3d.skeleton import EDGES, JOINTS, KEPT_IDS


@pytest.fixture
def shown(monkeypatch):
    """The figures saved, as objects; each is written, too."""
    kept = []
    save = drawing.save

    def keep(figure, *args, **kwargs):
        kept.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(drawing, "save", keep)
    return kept


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 128, 128), dtype=np.uint8)
    poses = rng.normal(0, 300, (4, 17, 3))
    poses[:, JOINTS.index("head"), 1] = -800  # y points down: the head is up
    return images, poses, 64 + poses[..., :2] / 15


def windows_of(axes):
    """The corners of the windows drawn: list of (5, 2) arrays, the first corner again at the end."""
    drawn = [each for each in axes.collections if isinstance(each, PolyCollection)]
    return [path.vertices for each in drawn for path in each.get_paths()]


def pixels(file):
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def is_drawn(path, figure):
    """Whether the file shows what each axes holds: without it, the picture is another in its place."""
    picture, erased, dpi = pixels(path), io.BytesIO(), Image.open(path).width / figure.get_figwidth()
    held = {axes: [*axes.lines, *axes.images, *axes.collections, *axes.patches] for axes in figure.axes}
    for artist in itertools.chain(*held.values()):
        artist.set_visible(False)
    figure.set_layout_engine("none")  # all else stays in its place
    figure.savefig(erased, format="png", dpi=dpi)
    changed = (picture != pixels(erased)).any(axis=-1)[::-1]  # rows from below
    for axes in held:
        x0, y0, x1, y1 = (axes.get_window_extent().extents * dpi / figure.dpi).astype(int)
        is_used = held[axes] or axes.axison or axes.name == "3d"
        if is_used and changed[y0:y1, x0:x1].mean() < 0.002:
            return False
    return True


def test_poses_stand_upright_at_one_scale_and_share_their_view(tmp_path, data, shown):
    images, poses, _ = data
    figures.poses_figure(
        tmp_path / "a.png", images[:3], poses[:3] + 9, poses[:3], ["best", "median", "worst"]
    )
    for i in range(3):
        image, prediction, truth = shown[0].axes[3 * i : 3 * i + 3]
        assert image.get_title() == ["best", "median", "worst"][i]
        assert prediction.get_xlim() == truth.get_xlim()
        assert (prediction.elev, prediction.azim) == (truth.elev, truth.azim)
        lines = truth.lines
        assert len(lines) == len(EDGES)
        head = EDGES.index((JOINTS.index("neck"), JOINTS.index("head")))
        assert lines[head].get_data_3d()[2][1] == 800
        # One mm is as long along each axis.
        spans = [np.ptp(limits) for limits in (truth.get_xlim(), truth.get_ylim(), truth.get_zlim())]
        np.testing.assert_allclose(np.ptp(spans / truth._box_aspect), 0, atol=1e-6 * max(spans))
    assert is_drawn(tmp_path / "a.png", shown[-1])


def test_legends_name_every_colour(tmp_path, data, shown):
    images, poses, joints_2d = data
    figures.poses_figure(tmp_path / "a.png", images, poses, poses, list("abcd"))
    figures.contact_sheet(tmp_path / "b.png", images, joints_2d, list("abcd"))
    for figure, last, colour in zip(
        shown,
        ("ground truth", "positive windows of the joint that is named"),
        ("#D0D0D0", "#F0E442"),
        strict=True,
    ):
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == [
            "person's left", "person's right", "trunk", last
        ]  # fmt: skip
        assert [line.get_color() for line in legend.get_lines()] == [*SIDE_COLOURS.values(), colour]


def test_a_minus_sign_is_not_under_the_axis(tmp_path, data, shown):
    images, poses, _ = data
    figures.poses_figure(tmp_path / "a.png", images[:1], poses[:1], poses[:1], ["a"])
    axes = shown[0].axes[1]
    # Its labels stand to the right of it, so that their first sign must keep away.
    assert axes.zaxis.get_tick_params()["pad"] >= 3


def test_titles_of_long_names_lie_in_the_figure(tmp_path, data, shown):
    images, poses, _ = data
    title = f"best: 1.0 mm\n{'LongAction' * 5} {'subject' * 4} take 12\ncamera 54138969 frame 123456"
    figures.poses_figure(tmp_path / "a.png", images, poses, poses, [title] * 4)
    (figure,) = shown
    for axes in figure.axes[::3]:
        extent = axes.title.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width
        assert 0 <= extent.y0 < extent.y1 <= figure.bbox.height


def test_a_contact_sheet_draws_the_windows_of_the_joint_it_names(tmp_path, data, shown):
    images, _, joints_2d = data
    figures.contact_sheet(tmp_path / "a.png", images, joints_2d, list("abcd"), columns=3)
    expected = labels(joints_2d)
    for i, axes in enumerate(shown[0].axes[:4]):
        joint = JOINTS.index(axes.get_title().split("windows: ")[1])
        assert len(windows_of(axes)) == expected[i, joint].sum()
        assert axes.images[0].get_array().shape == (128, 128)
    assert len({axes.get_title().split(": ")[1] for axes in shown[0].axes[:4]}) == 4
    assert is_drawn(tmp_path / "a.png", shown[-1])


def test_a_curve_passes_over_what_was_not_measured(tmp_path, shown):
    rows = [{"epoch": i, "train": 9 - i, "validation": None if i % 2 else 10 - i} for i in range(5)]
    names = {"train": "training", "validation": "S9"}
    figures.curve_figure(tmp_path / "a.png", rows, names, "MPJPE (mm)")
    (axes,) = shown[0].axes
    train, validation = axes.lines
    assert list(train.get_ydata()) == [9, 8, 7, 6, 5]
    assert list(validation.get_xdata()) == [0, 2, 4]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "S9"]
    assert train.get_linestyle() != validation.get_linestyle()
    assert axes.get_yscale() == "linear"
    figures.curve_figure(
        tmp_path / "a.png", [{"epoch": 0, "a": 0.7}, {"epoch": 1, "a": 0.1}], {"a": "a"}, "nats"
    )
    assert shown[1].axes[0].get_yscale() == "log"
    assert is_drawn(tmp_path / "a.png", shown[-1])


def test_a_sample_is_shown_with_its_box_its_pose_and_the_ids_of_its_joints(tmp_path, data, shown):
    images, poses, _ = data
    frame = np.full((90, 120, 3), 40, np.uint8)
    figures.sample_figure(tmp_path / "a.png", frame, (10, 20, 60, 80), images[0], poses[0], "S1")
    box = shown[0].axes[0].patches[0]
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (9.5, 19.5, 50, 60)
    ids = {text.get_text(): text.get_position_3d() for text in shown[0].axes[3].texts}
    assert list(ids) == [str(number) for number in KEPT_IDS]
    assert ids["16"][2] == 800  # the head, above
    assert is_drawn(tmp_path / "a.png", shown[-1])


def test_windows_of_each_joint_and_of_all(tmp_path, data, shown):
    images, _, joints = data
    figures.windows_figure(tmp_path / "a.png", images[0], joints[0], joints=("head", "left knee"))
    grid, head, knee, every = shown[0].axes
    positive = labels(joints[:1])[0]
    assert len(windows_of(grid)) == 100
    bounds = [[*corners.min(axis=0), *corners.max(axis=0)] for corners in windows_of(grid)]
    np.testing.assert_allclose(bounds, window_bounds())
    assert len(windows_of(head)) == 100 + positive[JOINTS.index("head")].sum()
    assert len(windows_of(knee)) == 100 + positive[JOINTS.index("left knee")].sum()
    assert len(windows_of(every)) == 100 + positive.any(axis=0).sum()
    assert is_drawn(tmp_path / "a.png", shown[-1])


def test_filters_are_drawn_as_they_lie_over_the_image(tmp_path, shown):
    weights = np.random.default_rng(0).normal(0, 1, (10, 1, 5, 5))
    figures.filters_figure(tmp_path / "a.png", weights)
    drawn = [axes.images[0].get_array() for axes in shown[0].axes if axes.images]
    assert len(drawn) == 10
    # The output at a pixel is the sum over the image's px times what is drawn over them.
    patch = np.random.default_rng(1).normal(0, 1, (5, 5))
    convolved = signal.convolve2d(patch, weights[3, 0], mode="valid")[0, 0]
    np.testing.assert_allclose((patch * drawn[3]).sum(), convolved)
    assert is_drawn(tmp_path / "a.png", shown[-1])
