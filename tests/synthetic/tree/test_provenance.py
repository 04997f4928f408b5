"""The provenance file keeps its format: trees of earlier versions are read and completed."""

import pytest

from pose3d.errors import UserError
from pose3d.synthetic.tree.provenance import check_options, read_provenance, write_provenance

WALK = {"version": 1, "frames": 40, "image_size": 250, "seed": 0}
MOTION = {"takes": {"Posing": {"S1 1": "x/a.bvh"}}, "bytes": {"x/a.bvh": 7}, "joint_map": {"Head": "skull"}}
WHAT = '{"what": "synthetic walkers in Human3.6M\'s layout", '
TEXTS = [
    (WALK, WHAT + '"version": 1, "frames": 40, "image_size": 250, "seed": 0, "complete": true}\n'),
    (
        WALK | {"frames": None, "motion": MOTION},
        WHAT + '"version": 1, "frames": null, "image_size": 250, "seed": 0, "motion": {"takes": {"Posing": '
        '{"S1 1": "x/a.bvh"}}, "bytes": {"x/a.bvh": 7}, "joint_map": {"Head": "skull"}}, "complete": true}\n',
    ),
]


@pytest.mark.parametrize(("options", "text"), TEXTS)
def test_the_format_of_earlier_versions_is_read_and_written(tmp_path, options, text):
    (tmp_path / "synthetic.json").write_text(text)
    check_options(tmp_path, options)
    found = read_provenance(tmp_path)
    assert {key: found[key] for key in options} == options
    write_provenance(tmp_path, options, complete=True)
    assert (tmp_path / "synthetic.json").read_text() == text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (WALK | {"frames": 3, "seed": 1}, "(frames 40, seed 0)"),
        (WALK | {"motion": MOTION}, "(the built-in walk)"),
    ],
)
def test_other_options_are_refused(tmp_path, options, message):
    write_provenance(tmp_path, WALK, complete=False)
    with pytest.raises(UserError) as raised:
        check_options(tmp_path, options)
    assert f"{tmp_path} was written with other options {message}; remove it" in str(raised.value)


@pytest.mark.parametrize("text", ["{", "[1]", '{"frames": "many"}'])
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "synthetic.json").write_text(text)
    for use in (read_provenance, lambda folder: check_options(folder, WALK)):
        with pytest.raises(UserError, match="synthetic.json: damaged; remove the folder"):
            use(tmp_path)


def test_another_folder_has_no_provenance_and_is_left_alone(tmp_path):
    assert read_provenance(tmp_path) is None
    check_options(tmp_path, WALK)
    (tmp_path / "precious.txt").touch()
    with pytest.raises(UserError, match="is not a synthetic tree"):
        check_options(tmp_path, WALK)
