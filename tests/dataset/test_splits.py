from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pose3d import config
from pose3d.config import DataSettings
from pose3d.dataset.splits import minibatches, split
from pose3d.errors import UserError
from pose3d.recordings.human36m import SUBJECTS

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def table(takes):
    """Columns of a data set from (subject, take, camera, frames) rows."""
    rows = [(s, t, c, f) for s, t, c, frames in takes for f in frames]
    subject, take, camera, frame = (np.array(column) for column in zip(*rows, strict=True))
    return SimpleNamespace(
        action=np.full(len(rows), "Walking"), subject=subject, take=take, camera=camera, frame=frame
    )


@pytest.fixture
def data():
    # The two cameras of S1's first take do not end together, as in Human3.6M.
    takes = ("S1", 1, 1, 400), ("S1", 1, 2, 397), ("S1", 2, 1, 100), ("S9", 1, 1, 300), ("S11", 1, 1, 500)
    return table([(*take, range(frames)) for *take, frames in takes])


def frames(data, indices, subject, take, camera=1):
    wanted = (data.subject == subject) & (data.take == take) & (data.camera == camera)
    return list(data.frame[indices][wanted[indices]])


def check(data, parts):
    """No sample is used twice, and S11 is where it must be."""
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert len(np.unique(together)) == len(together)
    assert set(data.subject[parts.test]) == {"S11"}
    assert "S11" not in {*data.subject[parts.train], *data.subject[parts.validation]}
    assert len(frames(data, parts.test, "S11", 1)) == 500


def test_tail_keeps_the_last_tenth_of_a_take_with_all_cameras_and_a_gap(data):
    parts = split(data, DataSettings())
    check(data, parts)
    for camera, end in ((1, 400), (2, 397)):
        assert frames(data, parts.validation, "S1", 1, camera) == list(range(360, end))
        assert frames(data, parts.train, "S1", 1, camera) == list(range(335))
    assert frames(data, parts.validation, "S9", 1) == list(range(270, 300))
    assert frames(data, parts.train, "S9", 1) == list(range(245))
    # The gap of a short take is as long as its tail.
    assert frames(data, parts.validation, "S1", 2) == list(range(90, 100))
    assert frames(data, parts.train, "S1", 2) == list(range(80))
    assert "each of 3 training takes, after a gap of 10 to 25 frames" in parts.summary


def test_the_gap_counts_frames_of_the_video_also_when_every_fifth_is_kept():
    data = table([("S1", 1, 1, range(0, 2000, 5)), ("S11", 1, 1, range(9))])
    parts = split(data, DataSettings())
    assert frames(data, parts.validation, "S1", 1) == list(range(1800, 2000, 5))
    assert frames(data, parts.train, "S1", 1) == list(range(0, 1775, 5))


def test_a_subject_may_validate(data):
    parts = split(data, DataSettings(validation="subject:S9"))
    check(data, parts)
    assert set(data.subject[parts.validation]) == {"S9"}
    assert set(data.subject[parts.train]) == {"S1"}
    assert len(parts.train) + len(parts.validation) + len(parts.test) == len(data.frame)


def test_the_reports_validation_is_a_random_tenth_of_the_training_frames(data):
    parts = split(data, DataSettings(validation="report", seed=3))
    check(data, parts)
    assert len(parts.validation) == round(0.1 * (400 + 397 + 100 + 300))
    assert len(parts.train) + len(parts.validation) + len(parts.test) == len(data.frame)
    again = split(data, DataSettings(validation="report", seed=3))
    np.testing.assert_array_equal(again.validation, parts.validation)
    other = split(data, DataSettings(validation="report", seed=4))
    assert set(other.validation) != set(parts.validation)
    # Random frames, not a run of them.
    assert np.diff(parts.validation).max() > 3


def test_other_test_subjects(data):
    parts = split(data, DataSettings(validation="subject:S11", test=("S9",)))
    assert set(data.subject[parts.test]) == {"S9"}
    assert set(data.subject[parts.train]) == {"S1"}


@pytest.mark.parametrize(
    ("validation", "test_subjects", "message"),
    [
        ("subject:S5", ["S11"], "there is no subject 'S5'"),
        ("subject:S11", ["S11"], "S11 is a test subject"),
        ("tail", ["S1", "S9", "S11"], "leaves 0 samples to train and 0 to validate"),
        ("subject:S9", ["S1", "S11"], "leaves 0 samples to train and 300 to validate"),
    ],
)
def test_an_impossible_split_is_refused(data, validation, test_subjects, message):
    with pytest.raises(UserError, match=message):
        split(data, DataSettings(validation=validation, test=tuple(test_subjects)))


def test_minibatches_hold_every_sample_once():
    indices = np.arange(100, 123)
    batches = list(minibatches(indices, 5))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(np.concatenate(batches), indices)


def test_every_nth_frame_by_its_number_in_the_video(data):
    whole, parts = split(data, DataSettings()), split(data, DataSettings(train_every=5, test_every=64))
    for name, every in (("train", 5), ("validation", 5), ("test", 64)):
        found, all_ = getattr(parts, name), getattr(whole, name)
        np.testing.assert_array_equal(found, all_[data.frame[all_] % every == 0])
        assert len(found)
    assert parts.summary.endswith("; one frame in 5 to train and validate with; one frame in 64 to test with")


@pytest.mark.parametrize(
    ("name", "trained", "tested", "train_every", "test_every"),
    [
        ("report", "S1 S5 S6 S7 S8 S9", "S11", 1, 1),
        ("li_chan", "S1 S5 S6 S7 S8", "S9 S11", 1, 1),
        ("protocol1", "S1 S5 S6 S7 S8 S9", "S11", 5, 64),
        ("protocol2", "S1 S5 S6 S7 S8", "S9 S11", 5, 64),
    ],
)
def test_the_splits_of_the_field(name, trained, tested, train_every, test_every):
    data = table([(subject, 1, 1, range(640)) for subject in SUBJECTS])
    for task in config.TASK_DEFAULTS:
        parts = split(data, config.load(task, EXPERIMENTS / f"{name}.toml").data)
        assert set(data.subject[parts.train]) == set(data.subject[parts.validation]) == set(trained.split())
        assert set(data.subject[parts.test]) == set(tested.split())
        numbers = {*data.frame[parts.train], *data.frame[parts.validation]}
        assert min(np.diff(sorted(numbers))) == train_every
        assert list(data.frame[parts.test][:3]) == [0, test_every, 2 * test_every]
