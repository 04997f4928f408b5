import h5py
import numpy as np
import pytest

from pose3d.dataset.built_files import SCHEMA, built_path, write_samples
from pose3d.dataset.legacy_export import export_legacy
from pose3d.dataset.windows import labels
from pose3d.skeleton import KEPT
from tests.recordings.legacy_mat.written import NAMES, N, drawn, find, given
from tests.recordings.sampled import sample


def built(folder, values, subject, given):
    n = len(values["images"])
    rng = np.random.default_rng(5)
    part = {name: rng.normal(0, 900, (n, *shape)).astype(kind) for name, (kind, shape, _) in SCHEMA.items()}
    part["images"] = values["images"]
    part["joints_2d"] = np.sort(rng.uniform(0, 128, part["joints_2d"].shape), axis=0)
    part["joints_2d"][:, [3, 6], 1], part["joints_2d"][:, 10, 1] = 120, 5
    part["poses"][:, 0], part["take"][:], part["camera"][:], part["frame"] = 0, 1, 7, np.arange(n)
    if given:
        part["windows"] = np.packbits(values["labels"].reshape(n, -1), axis=1)
    write_samples(built_path(folder, "Walking", subject), "Walking", subject, [part], {})
    return part


@pytest.mark.parametrize("given_labels", [True, False])
def test_what_is_exported_is_built_again(tmp_path, given_labels, monkeypatch):
    monkeypatch.setattr("pose3d.dataset.legacy_export.BLOCK", 32)
    values, out = drawn(), tmp_path / "built"
    part = built(out, values, "S1", given_labels)
    built(out, drawn(3, 20), "S11", not given_labels)
    lines = export_legacy(out, tmp_path / "mat", ["Walking"])
    assert lines[0] == f"70 samples of S1 Walking exported to {tmp_path / 'mat' / 'Walking'}"
    recordings = find(tmp_path / "mat")
    assert [recording.subject for recording in recordings] == ["S1", "S11"]
    samples, _ = sample(recordings[0])
    np.testing.assert_array_equal(samples["images"], part["images"])
    for name in ("poses", "pelvis"):
        np.testing.assert_array_equal(samples[name].astype(np.float32), part[name])
    expected = values["labels"] if given_labels else labels(part["joints_2d"]).reshape(-1, 17, 10, 10)
    np.testing.assert_array_equal(given(samples), expected)


def test_an_export_is_what_the_original_reads(tmp_path):
    values = drawn()
    part = built(tmp_path / "built", values, "S1", given=True)
    export_legacy(tmp_path / "built", tmp_path, subjects=["S1"])
    path = tmp_path / "Walking" / "data_36MS1.mat"
    header = path.read_bytes()[:128]
    assert header.startswith(b"MATLAB 7.3 MAT-file")
    assert header[124:] == b"\x00\x02IM"
    found = {}
    for start, name in NAMES.values():
        with h5py.File(path.with_name(f"{start}S1.mat")) as file:
            found[name] = file[name][()]
            assert file[name].attrs["MATLAB_class"] == (b"double" if name == "posedata" else b"single")
    images = found["datafinal"]
    assert (images.shape, images.dtype, images.max()) == ((N, 16384), np.float32, 1)
    assert images[4, 128 * 60 + 50] == np.float32(part["images"][4, 60, 50]) / 255
    assert found["y_vector_new"][4, 10 * 100 + 10].tolist() == values["labels"][4, 10, 1, 0]
    poses = found["posedata"].reshape(N, 32, 3)
    assert np.isnan(poses[:, np.setdiff1d(np.arange(32), KEPT)]).all()
    np.testing.assert_allclose(poses[:, KEPT[4]], part["poses"][:, 4] + part["pelvis"], atol=1e-3)
