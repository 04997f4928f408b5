import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from pose3d.errors import UserError
from pose3d.recordings.human36m import open_masks
from tests.recordings.written import write_masks

ROWS, COLUMNS = 12, 10  # unequal, so that a transposed mask cannot pass


def masks(count):
    return list(np.random.default_rng(count).random((count, ROWS, COLUMNS)) > 0.5)


def write_v7(path, images):
    cell = np.empty((1, len(images)), object)
    for i, image in enumerate(images):
        cell[0, i] = image
    scipy.io.savemat(path, {"Masks": cell}, do_compression=True)


def write_sparse_v7(path, images):
    write_v7(path, [scipy.sparse.csc_array(image.astype(float)) for image in images])


def write_sparse_v73(path, images):
    """Masks as MATLAB stores sparse ones: a group of each; without ``data`` and ``ir`` where all is False."""
    write_masks(path, images)
    with h5py.File(path, "r+") as file:
        for i, image in enumerate(images):
            columns = scipy.sparse.csc_array(image)
            group = file.create_group(f"#refs#/sparse{i}")
            group.attrs["MATLAB_sparse"] = np.uint64(image.shape[0])
            group["jc"] = columns.indptr.astype(np.uint64)
            if image.any():
                group["ir"], group["data"] = columns.indices.astype(np.uint64), columns.data.view(np.uint8)
            file["Masks"][i, 0] = group.ref


def one_stored(**storage):
    """A writer that stores one of the masks in another way."""

    def write(path, images):
        write_masks(path, images)
        with h5py.File(path, "r+") as file:
            other = file.create_dataset("#refs#/other", data=images[2].T.astype(np.uint8), **storage)
            file["Masks"][2, 0] = other.ref

    return write


@pytest.mark.parametrize(
    "write",
    [
        write_masks,
        lambda path, images: write_v7(path, [image.astype(np.uint8) for image in images]),
        write_sparse_v7,
        write_sparse_v73,
        one_stored(),
        one_stored(chunks=(3, 5), compression="gzip"),
        one_stored(chunks=(COLUMNS, ROWS)),
    ],
)
def test_masks_come_back_rows_first(tmp_path, write):
    written = [*masks(4), np.zeros((ROWS, COLUMNS), bool)]
    write(tmp_path / "m.mat", written)
    with open_masks(tmp_path / "m.mat") as found:
        assert len(found) == len(written)
        for i in reversed(range(len(written))):
            assert found[i].dtype == bool
            np.testing.assert_array_equal(found[i], written[i])


def test_the_synthetic_masks_are_stored_columns_first(tmp_path):  # as MATLAB stores them
    write_masks(tmp_path / "m.mat", masks(5))
    with h5py.File(tmp_path / "m.mat") as file:
        assert file["Masks"].shape == (5, 1)
        assert file[file["Masks"][0, 0]].shape == (COLUMNS, ROWS)


def test_of_a_stack_of_planes_the_first_is_taken(tmp_path):
    planes = np.stack(masks(3), axis=-1).astype(np.uint8)  # (H, W, 3)
    write_v7(tmp_path / "v7.mat", [planes])
    write_masks(tmp_path / "v73.mat", masks(1))
    with h5py.File(tmp_path / "v73.mat", "r+") as file:
        file["Masks"][0, 0] = file.create_dataset("#refs#/stack", data=planes.T).ref
    for name in ("v7.mat", "v73.mat"):
        with open_masks(tmp_path / name) as found:
            np.testing.assert_array_equal(found[0], planes[:, :, 0] != 0)


def test_an_empty_cell_is_none(tmp_path):
    write_masks(tmp_path / "v73.mat", masks(2))
    with h5py.File(tmp_path / "v73.mat", "r+") as file:
        empty = file.create_dataset("#refs#/empty", data=np.array([0, 0], np.uint64))
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        file["Masks"][1, 0] = empty.ref
    write_v7(tmp_path / "v7.mat", [masks(1)[0].astype(np.uint8), np.zeros((0, 0), np.uint8)])
    for path in (tmp_path / "v73.mat", tmp_path / "v7.mat"):
        with open_masks(path) as found:
            assert found[0].shape == (ROWS, COLUMNS)
            assert found[1] is None


@pytest.mark.parametrize(
    ("name", "values"), [("ir", [10**6]), ("jc", [0, 10**12]), ("jc", [5] * (COLUMNS + 1)), ("jc", [])]
)
def test_a_damaged_sparse_mask_is_named(tmp_path, name, values):
    write_sparse_v73(tmp_path / "m.mat", masks(1))
    with h5py.File(tmp_path / "m.mat", "r+") as file:
        group = file["#refs#/sparse0"]
        values = np.resize(values, len(group["ir"])) if name == "ir" else values
        del group[name]
        group[name] = np.array(values, np.uint64)
    with open_masks(tmp_path / "m.mat") as found, pytest.raises(UserError, match=r"m.mat: mask 0 is damaged"):
        found[0]


@pytest.mark.parametrize("write", [write_masks, write_v7])
def test_a_truncated_file_is_named(tmp_path, write):
    path = tmp_path / "cut.mat"
    write(path, [mask.astype(np.uint8) for mask in masks(30)])
    whole = path.read_bytes()
    for share in (0.0, 0.3, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UserError, match="cut.mat: .*extract"):
            open_masks(path)


def test_damage_inside_the_file_names_the_mask(tmp_path):
    path = tmp_path / "hurt.mat"
    write_masks(path, masks(3))
    with h5py.File(path) as file:
        _, chunk = file[file["Masks"][1, 0]].id.read_direct_chunk((0, 0))
    content = path.read_bytes()
    assert content.count(chunk) == 1
    path.write_bytes(content.replace(chunk, bytes(len(chunk))))
    with open_masks(path) as found:
        assert found[0].shape == (ROWS, COLUMNS)
        with pytest.raises(UserError, match="hurt.mat: mask 1 is damaged"):
            found[1]


def test_a_foreign_file_is_named(tmp_path):
    (tmp_path / "text.mat").write_text("not a mask " * 100)
    with pytest.raises(UserError, match="text.mat: is no MATLAB file"):
        open_masks(tmp_path / "text.mat")
    with pytest.raises(UserError, match="absent.mat: there is no such file"):
        open_masks(tmp_path / "absent.mat")
    with h5py.File(tmp_path / "other.mat", "w") as file:
        file["Masks"] = np.zeros((3, 1))
    scipy.io.savemat(tmp_path / "other7.mat", {"Boxes": np.zeros((3, 1))})
    for name in ("other.mat", "other7.mat"):
        with pytest.raises(UserError, match=f"{name}: holds no cell array Masks"):
            open_masks(tmp_path / name)
