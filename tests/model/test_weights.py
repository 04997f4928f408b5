import errno
import json

import numpy as np
import pytest

from pose3d import config
from pose3d.errors import UserError
from pose3d.io.atomic_files import DiskFullError
from pose3d.model import weights
from pose3d.model.weights import Weights, find, load, save
from tests.small import SMALL, TRAINED_ON

CONFIG = config.load("regression", None, [*SMALL, "data.test=['S9']", "training.learning_rate=1e-7"])


def example(task="regression", **more):
    rng = np.random.default_rng(0)
    params = {"conv1.W": rng.normal(size=(2, 1, 5, 5)).astype("float32"), "conv1.b": np.arange(2.0)} | more
    scale = {"mean": rng.normal(size=51), "deviation": np.ones(51)}
    about = {"epoch": 3, "scores": {"mpjpe_mm": 51.5, "cost": None}}
    return Weights(task, CONFIG, params, TRAINED_ON, scale, about)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "w.npz"
    save(path, example())
    return path


def test_round_trip(path):
    found, expected = load(path), example()
    for name in ("task", "config", "trained_on", "about"):
        assert getattr(found, name) == getattr(expected, name)
    for kind in ("params", "scale"):
        read, written = getattr(found, kind), getattr(expected, kind)
        assert list(read) == list(written)
        for name, value in written.items():
            np.testing.assert_array_equal(read[name], value)
            assert read[name].dtype == value.dtype
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("storage", "bytes_each", "largest"), [("float16", 2, 2**-11), ("int8", 1, 0.5 / 127)]
)
def test_matrices_are_stored_small(tmp_path, storage, bytes_each, largest):
    matrix = np.random.default_rng(1).normal(size=(300, 40)).astype("float32")
    matrix[:, 7], matrix[:, 8] = 1e-3 * matrix[:, 7], 0  # a column's step is its own
    written = example(**{"fc1.W": matrix})
    save(tmp_path / "w.npz", written, storage)
    found = load(tmp_path / "w.npz")
    read = found.params["fc1.W"]
    assert read.dtype == np.float32
    assert (np.abs(read - matrix) <= 1.001 * largest * np.abs(matrix).max(axis=0)).all()
    assert (tmp_path / "w.npz").stat().st_size < matrix.size * bytes_each + 8000
    for name in ("conv1.W", "conv1.b"):
        np.testing.assert_array_equal(found.params[name], written.params[name])
    save(tmp_path / "again.npz", found, storage)
    np.testing.assert_allclose(load(tmp_path / "again.npz").params["fc1.W"], read, rtol=1e-6)


def test_whole_numbers_without_their_step_are_refused(path):
    rewrite(path, **{"param.fc1.W": np.ones((3, 4), np.int8)})
    with pytest.raises(UserError, match=r"w\.npz is no weights file of pose3d, or damaged \(whole numbers"):
        load(path)
    rewrite(path, **{"step.fc1.W": np.ones(5, np.float32)})
    with pytest.raises(UserError, match=r"w\.npz is no weights file of pose3d, or damaged"):
        load(path)


def test_the_file_needs_no_pickle(path):
    with np.load(path, allow_pickle=False) as file:
        assert {file[name].dtype.kind for name in file.files} <= set("fU")


def test_a_run_folder_means_its_best_weights(path):
    folder = path.parent
    with pytest.raises(
        UserError, match=r"holds no best\.npz: it is no run folder, or its training never ended"
    ):
        find(folder)
    path.rename(folder / weights.BEST)
    save(folder / weights.LAST, example("detection"))
    assert find(folder) == folder / "best.npz"
    assert load(folder).task == "regression"
    with pytest.raises(UserError, match="none: no such file or run folder; train first"):
        load(folder / "none")


def test_another_task_is_refused(path):
    assert load(path, "regression").task == "regression"
    with pytest.raises(UserError, match=r"w\.npz holds a regression network, a detection network is wanted"):
        load(path, "detection")


def rewrite(path, header=(), **arrays):
    """The file with changed header entries (None: omitted) and arrays."""
    with np.load(path) as file:
        content = dict(file)
    changed = json.loads(str(content["header"])) | dict(header)
    content["header"] = np.array(json.dumps({k: v for k, v in changed.items() if v is not None}))
    np.savez(path, **content | arrays)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"version": 1}, r"w\.npz: version 1, this program reads 2: train again"),
        ({"format": "other"}, r"w\.npz is no weights file of pose3d, or damaged \(its format is other\)"),
        ({"format": None}, r"w\.npz is no weights file of pose3d"),
        ({"task": None}, r"w\.npz is no weights file of pose3d, or damaged \('task'\)"),
        ({"about": None}, r"w\.npz is no weights file of pose3d"),
        ({"config": {"training": {"rates": 1}}}, r"w\.npz: unknown setting training\.rates"),
    ],
)
def test_another_header_is_refused(path, header, message):
    rewrite(path, header)
    with pytest.raises(UserError, match=message):
        load(path)


def test_an_alien_group_is_refused(path):
    rewrite(path, **{"velocity.fc1.b": np.zeros(3)})
    with pytest.raises(UserError, match=r"w\.npz is no weights file of pose3d, or damaged \('velocity'\)"):
        load(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(path, value):
    save(path, example(**{"fc1.b": np.array([0, value])}))
    with pytest.raises(UserError, match=r"w\.npz: fc1\.b holds numbers that are not finite"):
        load(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"w\.npz is no weights file of pose3d, or damaged"):
        load(path)


def test_a_flipped_bit_is_refused(path):
    content = bytearray(path.read_bytes())
    content[content.index(np.arange(2.0).tobytes()) + 8] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"w\.npz is no weights file of pose3d, or damaged .*CRC"):
        load(path)


def other_npz(path):
    np.savez(path, a=np.zeros(3))


def array_file(path):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


def objects(path):
    np.savez(path, header=np.array([{"format": "pose3d weights"}], dtype=object))


@pytest.mark.parametrize("write", [other_npz, array_file, objects, lambda path: path.write_text("hello")])
def test_another_kind_of_file_is_refused(path, write):
    write(path)
    with pytest.raises(UserError, match=r"w\.npz is no weights file of pose3d, or damaged"):
        load(path)


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError(errno.ENOSPC, "No space left"), DiskFullError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_a_failing_save_leaves_the_old_file(path, monkeypatch, error, told):
    before = path.read_bytes()

    def half(file, **arrays):
        file.write(b"PK half of it")
        raise error

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(told):
        save(path, example("detection"))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
