import h5py
import numpy as np
import pytest

from pose3d.dataset.built_files import SCHEMA, write_built_file
from pose3d.dataset.verify import COLUMNS, verify_built

FRAMES = 300  # more than a block of 256


def samples():
    """One recording of two takes; the pelvis of every pose at zero."""
    rng = np.random.default_rng(0)
    part = {name: np.zeros((FRAMES, *shape), dtype) for name, (dtype, shape, _) in SCHEMA.items()}
    part["images"] = rng.integers(0, 256, (FRAMES, 128, 128), dtype=np.uint8)
    part["poses"][:, 1:] = rng.uniform(-900, 900, (FRAMES, 16, 3))
    part["box"][:] = 10, 20, 110, 220
    part["take"] = np.repeat([1, 2], FRAMES // 2)
    part["frame"] = np.tile(np.arange(FRAMES // 2), 2)
    return part


def facts(**changed):
    return {"facts": [{"frames": FRAMES, "repeated": 0, "blank": 0} | changed]}


def written(tmp_path, part, provenance=None):
    path = tmp_path / "Walking-S1.h5"
    write_built_file(path, "Walking", "S1", [part], provenance or facts())
    return path


def test_a_sound_file_has_no_fault(tmp_path):
    part = samples()
    found = verify_built([written(tmp_path, part)])
    assert found.faults == []
    farthest = round(float(np.linalg.norm(part["poses"], axis=-1).max()))
    assert found.rows == [("Walking-S1.h5", FRAMES, 2, 0, 0, farthest, "ok")]
    assert len(found.rows[0]) == len(COLUMNS)


def test_repeated_and_blank_images_are_counted_across_blocks_but_not_across_takes(tmp_path):
    part = samples()
    part["images"][[255, 257]] = part["images"][[254, 256]]
    part["images"][150] = part["images"][149]  # first frame of take 2
    part["images"][20] = 0
    part["images"][256] = part["images"][257] = part["images"][255]
    found = verify_built([written(tmp_path, part, facts(repeated=3, blank=1))])
    assert found.faults == []
    assert found.rows[0][3:5] == (3, 1)


@pytest.mark.parametrize("name", list(SCHEMA))
def test_a_changed_value_breaks_the_checksum(tmp_path, name):
    path = written(tmp_path, samples())
    with h5py.File(path, "r+") as file:
        value = file[name][7]
        file[name][7] = value + 1
    (fault, *_) = verify_built([path]).faults
    assert f"{path}: {name} differ from what was written (checksum); remove it" in fault


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda part: part["poses"][5].__setitem__((0, 1), 3.0), "pelvis is 3.0 mm off zero"),
        (lambda part: part["poses"][5].__setitem__((4, 1), 3000.0), "joint is 3[0-9]+ mm from the pelvis"),
        (lambda part: part["poses"].__imul__(0.001), "joint is [12] mm from the pelvis; check the source"),
        (lambda part: part["poses"].__imul__(0.1), "joint is 1[0-9]+ mm from the pelvis; check the source"),
        (lambda part: part["frame"].__setitem__(9, 8), "out of order or occur twice"),
        (lambda part: part["box"].__setitem__(9, (5, 5, 5, 9)), "1 boxes are empty"),
        (lambda part: part["images"].__setitem__(slice(0, 40), 1), "1[0-9] % of the images equal the one"),
    ],
)
def test_what_cannot_be_true_is_a_fault(tmp_path, spoil, message):
    part = samples()
    spoil(part)
    found = verify_built([written(tmp_path, part, {"facts": []})])
    assert len(found.faults) == 1
    assert found.rows[0][-1] == "1 fault"
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(found.faults[0])


def test_other_counts_than_the_build_noted_are_a_fault(tmp_path):
    (fault,) = verify_built([written(tmp_path, samples(), facts(frames=FRAMES + 1))]).faults
    assert "holds {'frames': 300, 'repeated': 0, 'blank': 0}, but the build recorded {'frames': 301" in fault


def test_a_file_without_samples_is_a_fault(tmp_path):
    empty = {name: values[:0] for name, values in samples().items()}
    (fault,) = verify_built([written(tmp_path, empty, {"facts": []})]).faults
    assert "holds no sample; remove it" in fault


def test_a_file_that_cannot_be_read_is_a_fault_and_no_exception(tmp_path):
    path = written(tmp_path, samples())
    content = path.read_bytes()
    with h5py.File(path) as file:
        place = file["images"].id.get_chunk_info(3).byte_offset
    spoiled = content[: place + 50] + b"????" + content[place + 54 :]
    for broken in (content[: len(content) // 2], spoiled, b""):
        path.write_bytes(broken)
        found = verify_built([path])
        assert found.rows[0][-1] == "damaged"
        assert str(path) in found.faults[0]
