import json
import zipfile

import numpy as np
import pytest

from pose3d.config import Config
from pose3d.config import load as load_settings
from pose3d.errors import UserError
from pose3d.training.checkpoint import NAME, OLDER, Checkpoint, load, save
from pose3d.training.state import Progress
from tests.small import SMALL


def checkpoint(epoch, task="regression"):
    """One whose every number differs from the next one's."""
    rng = np.random.default_rng(epoch)
    arrays = {
        name: rng.normal(size=shape).astype(np.float32) for name, shape in (("fc3.W", (3, 4)), ("fc3.b", 4))
    }
    progress = Progress(
        epoch=epoch, step=7, order=rng.permutation(11), total=1 / 3, seconds=2.5,
        best={"epoch": 1, "cost": None, "validation_mpjpe_mm": float("nan")}, mark=float("inf"), waited=2,
    )  # fmt: skip
    states = {
        name: np.random.default_rng(seed).bit_generator.state
        for seed, name in enumerate(("shuffling", "dropout"))
    }
    config = load_settings(task, None, [*SMALL, "training.learning_rate=0.1"])
    velocity = {name: value / 3 for name, value in arrays.items()}
    scale = {"mean": rng.normal(size=51)} if task == "regression" else {}
    return Checkpoint(
        task, config, progress, arrays, velocity, scale, states, "data", [{"epoch": 0}], "versions"
    )


def assert_same(found, written):
    assert (found.task, found.config, found.generators) == (written.task, written.config, written.generators)
    assert (found.data, found.rows, found.versions) == (written.data, written.rows, written.versions)
    for name in ("params", "velocity", "scale"):
        there, wanted = getattr(found, name), getattr(written, name)
        assert there.keys() == wanted.keys()
        for key, value in wanted.items():
            assert there[key].dtype == value.dtype
            np.testing.assert_array_equal(there[key], value)
    there, wanted = vars(found.progress), vars(written.progress)
    np.testing.assert_array_equal(there.pop("order"), wanted.pop("order"))
    assert repr(there) == repr(wanted)  # nan is not equal to itself


@pytest.mark.parametrize("task", ["regression", "detection"])
def test_what_is_written_is_read_bit_by_bit(tmp_path, task):
    save(tmp_path, checkpoint(3, task))
    assert_same(load(tmp_path, task), checkpoint(3, task))
    assert_same(load(tmp_path / NAME, task), checkpoint(3, task))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert checkpoint(3).config != Config()


def test_between_two_epochs_there_is_no_order(tmp_path):
    written = checkpoint(1)
    written.progress.order = None
    save(tmp_path, written)
    assert load(tmp_path, "regression").progress.order is None


def test_the_one_before_is_kept_and_a_failed_write_touches_neither(tmp_path, monkeypatch):
    for epoch in (1, 2, 3):
        save(tmp_path, checkpoint(epoch))
    savez = np.savez

    def failing(file, **arrays):
        savez(file, **arrays)
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", failing)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, checkpoint(4))
    assert load(tmp_path, "regression").progress.epoch == 3
    assert load(tmp_path / OLDER, "regression").progress.epoch == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([NAME, OLDER])


def spoil(path, how):
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        middle = content.index(b"velocity.fc3.W") + 200
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif how in ("method", "encrypted", "version"):  # one bit of the zip file's directory
        entry = content.index(b"PK\x01\x02") + {"version": 6, "encrypted": 8, "method": 10}[how]
        path.write_bytes(
            content[:entry]
            + bytes([content[entry] ^ (64 if how != "encrypted" else 1)])
            + content[entry + 1 :]
        )
    elif how == "no setting":
        with np.load(path) as file:
            arrays = dict(file)
        header = json.loads(str(arrays.pop("header")))
        del header["config"]["training"]["momentum"]
        np.savez(path.open("wb"), header=np.array(json.dumps(header)), **arrays)
    elif how == "no array":  # a member whose first bytes are not numpy's, its checksum right
        with zipfile.ZipFile(path) as old:
            members = {name: old.read(name) for name in old.namelist()}
        with zipfile.ZipFile(path, "w") as new:
            for name, member in members.items():
                new.writestr(name, b"x" + member[1:] if name == "param.fc3.W.npy" else member)
    elif how == "foreign":
        np.savez(path.open("wb"), header=np.array('{"format": "another"}'))
    elif how == "text":
        path.write_text("nothing of the kind")


@pytest.mark.parametrize(
    "how", ["cut", "flipped", "method", "encrypted", "version", "no setting", "no array", "foreign", "text"]
)
def test_a_bad_one_is_named_and_the_one_before_is_offered(tmp_path, how):
    save(tmp_path, checkpoint(1))
    spoil(tmp_path / NAME, how)
    with pytest.raises(UserError, match=f"{NAME}.*(damaged|momentum is missing).*; start without --resume"):
        load(tmp_path, "regression")
    (tmp_path / NAME).unlink()
    for epoch in (1, 2):
        save(tmp_path, checkpoint(epoch))
    spoil(tmp_path / NAME, how)
    with pytest.raises(
        UserError, match=f"the previous one, of epoch 1, can be read: --resume {tmp_path / OLDER}"
    ):
        load(tmp_path, "regression")
    assert load(tmp_path / OLDER, "regression").progress.epoch == 1


def test_another_task_and_none_at_all_are_named(tmp_path):
    with pytest.raises(UserError, match=f"{NAME}: there is no such checkpoint; start without --resume"):
        load(tmp_path, "regression")
    save(tmp_path, checkpoint(1))
    with pytest.raises(UserError, match=f"{NAME} is of a regression network, a detection network is to be"):
        load(tmp_path, "detection")
