from operator import setitem

import h5py
import numpy as np
import pytest

from pose3d.dataset.built_files import (
    SCHEMA,
    VERSION,
    built_path,
    read_blocks,
    read_provenance,
    write_built_file,
)
from pose3d.dataset.samples import Dataset
from pose3d.dataset.windows import labels
from pose3d.errors import UserError

CAMERAS = (54138969, 55011271)


def samples(seed, frames=7, takes=(1, 2), cameras=CAMERAS):
    """Random samples, by take, camera, frame."""
    rng = np.random.default_rng(seed)
    keys = [(take, camera, frame) for take in takes for camera in cameras for frame in range(frames)]
    part = {name: rng.normal(0, 100, (len(keys), *kind[1])).astype(kind[0]) for name, kind in SCHEMA.items()}
    part["images"] = rng.integers(0, 256, part["images"].shape, dtype=np.uint8)
    part["take"], part["camera"], part["frame"] = np.array(keys).T
    return part


@pytest.fixture
def folder(tmp_path):
    there = ("Walking", "S11"), ("Walking", "S9"), ("Eating", "S9"), ("Walking", "S1")
    for seed, names in enumerate(there):
        write_built_file(built_path(tmp_path, *names), *names, [samples(seed)], {"seed": seed})
    return tmp_path


def test_parts_are_written_one_after_the_other(tmp_path):
    path = tmp_path / "Walking-S1.h5"
    parts = [samples(0, frames=5), samples(1, frames=13)]
    write_built_file(path, "Walking", "S1", iter(parts), {"every": 2})
    (stored,) = read_blocks(path)
    for name, (dtype, _, _) in SCHEMA.items():
        assert stored[name].dtype == dtype
        written = np.concatenate([part[name] for part in parts]).astype(dtype)
        np.testing.assert_array_equal(stored[name], written)
    assert read_provenance(path) == {"every": 2}
    with h5py.File(path) as file:
        assert file.attrs["version"] == VERSION
        assert b"mm" in file["poses"].attrs["meaning"]


def test_a_failed_write_keeps_the_old_file(folder):
    path = built_path(folder, "Walking", "S1")
    before = path.read_bytes()

    def parts():
        yield samples(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_built_file(path, "Walking", "S1", parts(), {})
    assert path.read_bytes() == before
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poses": np.zeros((28, 16, 3))}, "poses of 28 samples has shape"),
        ({"windows": np.zeros((28, 213), np.uint8)}, "windows"),
    ],
)
def test_a_part_of_another_kind_is_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        write_built_file(tmp_path / "a.h5", "Walking", "S1", [samples(0), samples(0) | change], {})


def test_samples_are_ordered_by_action_subject_take_camera_frame(folder):
    data = Dataset.open(folder)
    assert len(data) == 4 * 28
    assert [f"{a} {s}" for a, s in zip(data.action[::28], data.subject[::28], strict=True)] == [
        "Eating S9", "Walking S1", "Walking S9", "Walking S11",
    ]  # fmt: skip
    keys = np.stack([data.take, data.camera, data.frame], axis=1)
    for start in range(0, len(data), 28):
        block = keys[start : start + 28]
        np.testing.assert_array_equal(block, block[np.lexsort(block.T[::-1])])
    for name in ("poses", "joints_2d", "pelvis", "box"):
        np.testing.assert_array_equal(getattr(data, name)[28:56], samples(3)[name])


@pytest.mark.parametrize("keep", [True, False])
def test_images_come_in_the_order_asked_for_and_from_the_right_files(folder, keep):
    data = Dataset.open(folder)
    indices = np.random.default_rng(0).permutation(len(data))[:50]
    every = np.concatenate([samples(seed)["images"] for seed in (2, 3, 1, 0)])
    np.testing.assert_array_equal(data.images(indices, keep), every[indices])
    np.testing.assert_array_equal(data.images([30, 30], keep), every[[30, 30]])
    assert data.images([]).shape == (0, 128, 128)
    for bad in (-1, len(data)):
        with pytest.raises(IndexError, match="0 .. 111"):
            data.images([bad])


def test_streaming_reads_the_same_and_keeps_nothing(folder):
    held, streamed = Dataset.open(folder, memory="all"), Dataset.open(folder, memory="stream")
    assert (held.in_memory, streamed.in_memory, Dataset.open(folder).in_memory) == (True, False, True)
    indices = np.random.default_rng(1).permutation(len(held))[:77]
    streamed.prefetch(indices)
    np.testing.assert_array_equal(streamed.images(indices), held.images(indices))
    assert not any("kept_images" in vars(file) for file in streamed._files)
    for name in ("poses", "joints_2d", "pelvis", "box"):
        column = getattr(streamed, name)
        assert len(column) == len(held)
        for some in (indices, slice(20, 40), held.subject == "S9"):
            np.testing.assert_array_equal(column[some], getattr(held, name)[some])
    for name in ("action", "subject", "take", "camera", "frame"):
        np.testing.assert_array_equal(getattr(streamed, name), getattr(held, name))
    np.testing.assert_array_equal(streamed.labels(indices), labels(held.joints_2d[indices]))


def test_a_set_that_does_not_fit_is_streamed(folder, monkeypatch):
    monkeypatch.setattr("pose3d.dataset.samples.usable_memory", lambda: 3e6)  # the 112 samples take 1.9 MB
    assert not Dataset.open(folder).in_memory
    assert Dataset.open(folder, memory="all").in_memory


@pytest.mark.parametrize("memory", ["all", "stream"])
def test_blocks_and_mean_pose_cover_all_that_is_asked_for(folder, memory, monkeypatch):
    monkeypatch.setattr("pose3d.dataset.samples.BLOCK", 1)  # blocks of 64
    data, indices = Dataset.open(folder, memory=memory), np.random.default_rng(2).permutation(112)[:100]
    blocks = list(data.blocks("poses", indices))
    assert [len(block) for block in blocks] == [64, 36]
    np.testing.assert_array_equal(np.concatenate(blocks), data.poses[indices])
    np.testing.assert_allclose(data.mean_pose(indices), data.poses[indices].astype(float).mean(axis=0))


def test_only_the_files_asked_for_are_read(folder):
    built_path(folder, "Walking", "S9").write_bytes(b"")
    (folder / ".Walking-S5.partial-0123abcd.h5").write_bytes(b"half")  # of a killed build
    data = Dataset.open(folder, actions=["Walking"], subjects=["S1", "S11"])
    assert list(dict.fromkeys(data.subject)) == ["S1", "S11"]
    np.testing.assert_array_equal(data.images([28]), samples(0)["images"][:1])
    built_path(folder, "Walking", "S9").unlink()
    assert set(Dataset.open(folder).subject) == {"S1", "S9", "S11"}


def truncated(path):
    path.write_bytes(path.read_bytes()[:-5000])


def flipped(name):
    """Flip a bit in the first stored chunk of an array."""

    def damage(path):
        content = bytearray(path.read_bytes())
        with h5py.File(path) as file:
            content[file[name].id.get_chunk_info(0).byte_offset + 100] ^= 1
        path.write_bytes(content)

    return damage


def changed(change):
    def damage(path):
        with h5py.File(path, "r+") as file:
            change(file)

    return damage


def stored_anew(file, name, **storage):
    """Store an array with its attributes in another way."""
    values, attributes = file[name][()], dict(file[name].attrs)
    del file[name]
    file.create_dataset(name, **{"data": values, "chunks": None, **storage}).attrs.update(attributes)


def grown(file):
    """Let all arrays claim 10**9 samples."""
    for name in SCHEMA:
        file[name].resize(10**9, axis=0)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, r"Walking-S9\.h5: is cut short .*; remove it and run build_dataset again"),
        (lambda path: h5py.File(path, "w").close(), r"Walking-S9\.h5 is no built file"),
        (flipped("images"), r"Walking-S9\.h5: is damaged"),
        (flipped("poses"), r"Walking-S9\.h5: is damaged"),
        (changed(lambda file: file.attrs.update(version=99)), r"S9\.h5 has version 99, not 2; remove it"),
        (changed(lambda file: file.pop("poses")), r"Walking-S9\.h5: is damaged .*poses"),
        (changed(lambda file: stored_anew(file, "poses", chunks=None)), r"S9\.h5: poses is not stored in"),
        (changed(lambda file: stored_anew(file, "images", compression="lzf")), r"images is not stored in"),
        (changed(lambda file: stored_anew(file, "poses", data=5)), r"S9\.h5: poses is int64 \(\); remove"),
        (changed(grown), r"S9\.h5: is damaged \(frame claims the shape"),
        (
            changed(lambda file: file.move("poses", "p") or setitem(file, "poses", h5py.SoftLink("/poses"))),
            r"S9\.h5: is damaged \(poses is a link",
        ),
        (changed(lambda file: file.attrs.update(action=3)), r"S9\.h5: is damaged \(action is no text"),
        (changed(lambda file: file.attrs.update(action="of no fixed length")), "action is no text of fixed"),
        (changed(lambda file: file["frame"].resize(3, axis=0)), r"S9\.h5: images is uint8 \(28, 128, 128\)"),
        (changed(lambda file: setitem(file["poses"], (3, 2, 1), np.nan)), r"S9\.h5: poses holds NaN"),
    ],
)
@pytest.mark.parametrize("memory", ["all", "stream"])
def test_a_bad_file_is_named(folder, damage, message, memory):
    damage(built_path(folder, "Walking", "S9"))
    with pytest.raises(UserError, match=message):
        Dataset.open(folder, memory=memory).images(range(4 * 28))


def test_what_is_not_there_is_named(folder, tmp_path_factory):
    for arguments, message in [
        ((folder / "none",), "none: there is no such folder; run python -m pose3d.build_dataset --out"),
        ((tmp_path_factory.mktemp("empty"),), "holds no built file; run python -m pose3d.build_dataset"),
        ((folder, ["Posing"]), "holds no action Posing, only Eating, Walking; .*--actions Posing"),
        ((folder, None, ["S5"]), "holds no subject S5, only S9, S1, S11; .*--subjects S5"),
        ((folder, ["Eating"], ["S1"]), "holds no file of Eating by S1"),
    ]:
        with pytest.raises(UserError, match=message):
            Dataset.open(*arguments)
    with pytest.raises(UserError, match="there is no such file"):
        read_provenance(folder / "Walking-S5.h5")


@pytest.mark.parametrize("memory", ["all", "stream"])
def test_a_single_number_a_slice_and_a_mask_are_taken_like_numbers(folder, memory):
    data = Dataset.open(folder, memory=memory)
    mask = np.arange(len(data)) % 3 == 1
    for read in (data.images, data.labels, data.poses.__getitem__):
        every = read(np.arange(len(data)))
        for chosen in (3, np.int64(30), slice(5, 40, 2), slice(None), mask, np.array([[1, 2], [60, 4]])):
            np.testing.assert_array_equal(read(chosen), every[chosen])
    for wrong in (len(data), -len(data) - 1, [0.5]):
        with pytest.raises(IndexError):
            data.images(wrong)


@pytest.mark.parametrize("memory", ["all", "stream"])
def test_its_files_open_beside_it_and_close_with_it(folder, memory):
    path = built_path(folder, "Walking", "S1")
    with h5py.File(path), h5py.File(built_path(folder, "Walking", "S9"), locking=False):
        with Dataset.open(folder, memory=memory) as data:
            with h5py.File(path) as file:
                np.testing.assert_array_equal(data.images(range(28, 56)), file["images"])
            kept = np.array(data.poses[:3])
        with pytest.raises(ValueError, match="Eating-S9.h5 is read after its data set was closed"):
            data.images([0])
        if memory == "all":
            np.testing.assert_array_equal(data.poses[:3], kept)
            np.testing.assert_array_equal(data.images([28]).shape, (1, 128, 128))  # read before it closed
    with h5py.File(path, "r+"):  # HDF5 refuses that as long as one of ours is open
        pass


def test_a_file_that_cannot_be_locked_is_read(folder):
    fcntl = pytest.importorskip("fcntl")
    with built_path(folder, "Walking", "S1").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="lock"):
            h5py.File(file.name)
        assert Dataset.open(folder, subjects="S1").images(5).shape == (128, 128)


def test_none_of_them_is_no_choice_and_one_name_is_one(folder):
    for kind in ("actions", "subjects"):
        with pytest.raises(UserError, match=f"{kind} is empty: name at least one"):
            Dataset.open(folder, **{kind: []})
    assert set(Dataset.open(folder, subjects="S11").subject) == {"S11"}
    assert set(Dataset.open(folder, subjects=iter(["S1", "S9"])).subject) == {"S1", "S9"}
