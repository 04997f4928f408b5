import numpy as np
import pytest

from pose3d.dataset.sampling import drawable
from pose3d.dataset.windows import window_bounds
from pose3d.errors import UserError
from pose3d.recordings.legacy_mat import find_recordings, matrices, reader
from pose3d.skeleton import JOINTS, KEPT
from tests.recordings.legacy_mat.written import N, drawn, find, given, stored, write
from tests.recordings.sampled import sample


@pytest.mark.parametrize("order", ["rows", "columns"])
@pytest.mark.parametrize("along", [0, 1])
def test_samples_are_what_was_stored_whichever_way(tmp_path, order, along, monkeypatch):
    monkeypatch.setattr(matrices, "_BLOCK", 16)  # several blocks
    values = drawn()
    write(tmp_path / "Walking", stored(values, order), along=along)
    (recording,), lines = find_recordings(tmp_path, pixel_order=order)
    assert lines == []
    assert str(recording) == "S1 Walking"
    assert recording.name == "Walking/data_36MS1.mat"
    assert recording.options == {"pixel_order": order, "window_order": order}
    samples, facts = sample(recording)
    np.testing.assert_array_equal(samples["images"], values["images"])
    np.testing.assert_array_equal(given(samples), values["labels"])
    kept = values["poses"][:, KEPT]
    np.testing.assert_array_equal(
        samples["poses"].astype(np.float32), (kept - kept[:, :1]).astype(np.float32)
    )
    np.testing.assert_array_equal(samples["pelvis"], kept[:, 0].astype(np.float32))
    np.testing.assert_array_equal(samples["frame"], np.arange(N))
    assert {int(camera) for camera in samples["camera"]} == {0}
    assert (samples["box"] == [0, 0, 128, 128]).all()
    assert {name: facts[name] for name in ("frames", "repeated", "blank", "surplus", "background")} == {
        "frames": N, "repeated": 0, "blank": 0, "surplus": 0, "background": "subtracted",
    }  # fmt: skip
    assert facts["takes"] == [1]


@pytest.mark.parametrize(
    "convert",
    [
        lambda images: (images * 255).round().astype(np.uint8),
        lambda images: (images * 255).astype(np.float64),
        lambda images: images.astype(np.float64),
        lambda images: images * np.float32(1 - 1e-6),  # as other programs' divisions round
    ],
)
def test_gray_levels_of_every_kind(tmp_path, convert):
    values = drawn()
    files = stored(values)
    write(tmp_path / "Walking", files | {"images": convert(files["images"])})
    np.testing.assert_array_equal(sample(find(tmp_path)[0])[0]["images"], values["images"])


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("images", -0.1, r"data_36MS1\.mat: sample 5 has values of -0\.1 to 1"),
        ("images", 1.5, r"data_36MS1\.mat: (sample 5|its largest value is 1\.5)"),
        ("images", np.nan, r"data_36MS1\.mat: sample 5 holds NaN"),
        ("labels", 0.5, r"pose_2DS1\.mat: sample 5 has labels other than 0 and 1"),
        ("poses", np.inf, r"pose_3DS1\.mat: sample 5 holds NaN or infinity"),
    ],
)
@pytest.mark.parametrize("spread", [4, 32])
def test_a_value_that_cannot_be_is_named_with_its_sample(tmp_path, monkeypatch, kind, value, message, spread):
    files = stored(drawn(count=32))
    files[kind] = files[kind].copy()
    files[kind][5, 3 * KEPT[4]] = value
    files["images"][:, 200 * 7] = 1  # white in all
    monkeypatch.setattr(reader, "_SPREAD", spread)  # whether the bad one is among those looked at
    write(tmp_path / "Walking", files)
    with pytest.raises(UserError, match=message):
        sample(find(tmp_path)[0])


def test_joints_not_kept_may_be_nan(tmp_path):
    files = stored(drawn())
    files["poses"] = files["poses"].copy()
    files["poses"].reshape(N, 32, 3)[:, np.setdiff1d(np.arange(32), KEPT)] = np.nan
    write(tmp_path / "Walking", files)
    assert len(sample(find(tmp_path)[0])[0]["poses"]) == N


def test_2d_joints_are_the_mean_centres_of_windows(tmp_path):
    values = drawn()
    values["labels"][3, 4] = values["labels"][3, 5] = False
    values["labels"][3, 4].reshape(100)[[0, 99]] = True
    write(tmp_path / "Walking", stored(values))
    samples, facts = sample(find(tmp_path)[0])
    np.testing.assert_allclose(samples["joints_2d"][3, 4], [63.5, 63.5])
    np.testing.assert_array_equal(samples["joints_2d"][3, 5], [-1, -1])
    assert np.isnan(drawable(samples["joints_2d"])[3, 5]).all()
    assert np.isnan(drawable(samples["joints_2d"])).sum() < 34
    x0, y0, x1, y1 = window_bounds()[np.flatnonzero(values["labels"][0, JOINTS.index("head")])[0]]
    np.testing.assert_allclose(samples["joints_2d"][0, JOINTS.index("head")], [(x0 + x1) / 2, (y0 + y1) / 2])
    assert "2D joints are estimates" in facts["notes"][0]


def leaping(*starts, by=401.0):
    values = drawn()
    for start in starts:
        values["poses"][start:, 1] += (0, by, 0)
    return values


@pytest.mark.parametrize("block", [7, 256])
def test_a_leap_begins_a_take(tmp_path, monkeypatch, block):
    monkeypatch.setattr(matrices, "_BLOCK", block)
    write(tmp_path / "Walking", stored(leaping(14, 50, by=500.0)))
    (recording,) = find(tmp_path)
    samples, facts = sample(recording)
    np.testing.assert_array_equal(samples["take"], np.repeat([1, 2, 3], [14, 36, 20]))
    np.testing.assert_array_equal(samples["frame"], [*range(14), *range(36), *range(20)])
    assert facts["takes"] == [1, 2, 3]
    assert "cut into 3 take(s)" in facts["notes"][0]
    third, facts = sample(recording, every=3)
    np.testing.assert_array_equal(third["frame"], [*range(0, 14, 3), *range(0, 36, 3), *range(0, 20, 3)])
    np.testing.assert_array_equal(third["images"], samples["images"][samples["frame"] % 3 == 0])
    assert facts["frames"] == 5 + 12 + 7


def test_a_short_way_is_no_leap(tmp_path):
    write(tmp_path / "Walking", stored(leaping(14, by=350.0)))
    assert sample(find(tmp_path)[0])[1]["takes"] == [1]


@pytest.mark.parametrize(("leaps", "takes"), [(9, 10), (10, 1)])
def test_shuffled_samples_are_one_take(tmp_path, monkeypatch, leaps, takes):
    monkeypatch.setattr(reader, "MOST_TAKES", 10)
    write(tmp_path / "Walking", stored(leaping(*range(3, 3 + 2 * leaps, 2), by=600.0)))
    samples, facts = sample(find(tmp_path)[0])
    assert len(facts["takes"]) == takes == samples["take"].max()
    assert ("so the samples are shuffled or thinned" in facts["notes"][0]) == (takes == 1)
    if takes == 1:
        np.testing.assert_array_equal(samples["frame"], np.arange(N))


@pytest.mark.parametrize("block", [1, 256])
def test_repeated_and_blank_images_are_counted(tmp_path, monkeypatch, block):
    monkeypatch.setattr(matrices, "_BLOCK", block)
    values = leaping(20, by=500.0)
    values["images"][10:13] = values["images"][10]  # 2 repetitions
    values["images"][19:21] = values["images"][19]  # none: another take
    values["images"][40] = 0
    write(tmp_path / "Walking", stored(values))
    facts = sample(find(tmp_path)[0])[1]
    assert (facts["repeated"], facts["blank"]) == (2, 1)
