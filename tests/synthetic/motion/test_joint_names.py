import re
from types import SimpleNamespace

import pytest

from pose3d.errors import UserError
from pose3d.synthetic.motion.joint_names import find_joints, read_joint_map

CMU = """
Hips LHipJoint:Hips LeftUpLeg:LHipJoint LeftLeg:LeftUpLeg LeftFoot:LeftLeg LeftToeBase:LeftFoot
RHipJoint:Hips RightUpLeg:RHipJoint RightLeg:RightUpLeg RightFoot:RightLeg RightToeBase:RightFoot
LowerBack:Hips Spine:LowerBack Spine1:Spine Neck:Spine1 Neck1:Neck Head:Neck1
LeftShoulder:Spine1 LeftArm:LeftShoulder LeftForeArm:LeftArm LeftHand:LeftForeArm LThumb:LeftHand
RightShoulder:Spine1 RightArm:RightShoulder RightForeArm:RightArm RightHand:RightForeArm
"""
DAZ = """
hip abdomen:hip chest:abdomen neck:chest head:neck leftEye:head
lCollar:chest lShldr:lCollar lForeArm:lShldr lHand:lForeArm lThumb1:lHand
rCollar:chest rShldr:rCollar rForeArm:rShldr rHand:rForeArm
lButtock:hip lThigh:lButtock lShin:lThigh lFoot:lShin rButtock:hip rThigh:rButtock rShin:rThigh rFoot:rShin
"""
MAX = """
Hips LHipJoint:Hips LeftHip:LHipJoint LeftKnee:LeftHip LeftAnkle:LeftKnee LeftToe:LeftAnkle
RHipJoint:Hips RightHip:RHipJoint RightKnee:RightHip RightAnkle:RightKnee RightToe:RightAnkle
lowerback:Hips Chest:lowerback Chest2:Chest lowerneck:Chest2 Neck:lowerneck Head:Neck
LeftCollar:Chest2 LeftShoulder:LeftCollar LeftElbow:LeftShoulder LeftWrist:LeftElbow lhand:LeftWrist
RightCollar:Chest2 RightShoulder:RightCollar RightElbow:RightShoulder RightWrist:RightElbow rhand:RightWrist
"""


def skeleton(text, old="", new=""):
    """What `find_joints` reads of a file, of "name:parent" words, each parent before its children."""
    pairs = [word.partition(":")[::2] for word in text.replace(old, new).split()]
    names = [name for name, _ in pairs]
    parents = [names.index(parent) if parent else -1 for _, parent in pairs]
    return SimpleNamespace(path="some.bvh", names=names, parents=parents)


def named(bvh, **joint_map):
    return {key: bvh.names[i] for key, i in find_joints(bvh, joint_map).items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            CMU,
            "Hips LowerBack Spine Spine1 Neck1 Head "
            "LeftUpLeg LeftLeg LeftFoot LeftToeBase LeftArm LeftForeArm LeftHand",
        ),
        (DAZ, "hip - abdomen chest neck head lThigh lShin lFoot - lShldr lForeArm lHand"),
        (
            MAX,
            "Hips lowerback Chest Chest2 Neck Head "
            "LeftHip LeftKnee LeftAnkle LeftToe LeftShoulder LeftElbow lhand",
        ),
    ],
)
def test_the_conversions_of_cmu_are_known(text, expected):
    found = named(skeleton(text))
    left = ("UpLeg", "Leg", "Foot", "ToeBase", "Arm", "ForeArm", "Hand")
    keys = ["Hips", "LowerBack", "Spine", "Spine1", "Neck", "Head", *(f"Left{part}" for part in left)]
    assert [found.get(key, "-") for key in keys] == expected.split()
    right = [found.get(f"Right{part}", "-") for part in left]
    assert right == [re.sub("^l", "r", name).replace("Left", "Right") for name in expected.split()[6:]]


def test_name_spaces_and_capitals_do_not_matter():
    bvh = skeleton(CMU)
    bvh.names[:] = [f"mixamo:{name}".upper() for name in bvh.names]
    assert named(bvh)["LeftArm"] == "MIXAMO:LEFTARM"


@pytest.mark.parametrize(
    ("joint_map", "wanted"),
    [
        ({}, "LeftForeArm"),
        ({"LeftForeArm": "Elbow"}, r"LeftForeArm \('Elbow'\)"),
        ({"LeftForeArm": "Elle", "LeftToeBase": "Zeh"}, r"LeftToeBase \('Zeh'\)"),  # asked for, so necessary
        ({"LeftForeArm": "Elle", "Neck": "Hals"}, r"Neck \('Hals'\)"),
    ],
)
def test_a_missing_joint_is_named_with_the_file_and_what_is_there(joint_map, wanted):
    bvh = skeleton(CMU, "LeftForeArm", "Elle")
    assert named(bvh, LeftForeArm="Elle")["LeftForeArm"] == "Elle"
    message = f"some.bvh: no joint for {wanted} among Hips, .* Elle, .*; name it by --joint-map"
    with pytest.raises(UserError, match=message):
        find_joints(bvh, joint_map)


def test_a_trunk_in_one_piece_is_refused():
    text = CMU.replace("LowerBack:Hips Spine:LowerBack Spine1:Spine", "").replace(":Spine1", ":Hips")
    with pytest.raises(UserError, match="no joint for Spine1 among"):
        find_joints(skeleton(text), {})


@pytest.mark.parametrize(
    ("old", "new", "chest"),
    [
        ("Spine1:Spine Neck:Spine1", "Spine1:Spine Spine2:Spine1 Neck:Spine2", "Spine2"),  # Mixamo
        ("LeftShoulder:Spine1", "Rib:Spine1 LeftShoulder:Rib", "Spine1"),
        ("Neck:Spine1 Neck1:Neck Head:Neck1", "Head:Spine1", "Spine1"),  # no neck
    ],
)
def test_the_chest_is_what_carries_both_arms(old, new, chest):
    text = CMU.replace(old, new)
    if chest == "Spine2":
        text = text.replace("Shoulder:Spine1", "Shoulder:Spine2")
    found = named(skeleton(text))
    assert found["Spine1"] == chest
    assert ("Neck" in found) == ("Neck" in text)


def test_the_map_goes_before_the_known_names():
    bvh = skeleton(CMU)
    found = named(bvh, Spine1="Spine", Neck="Neck", Hips="LowerBack")
    assert (found["Spine1"], found["Neck"], found["Hips"]) == ("Spine", "Neck", "LowerBack")
    assert named(bvh, Neck="Neck")["Spine1"] == "Spine1"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.toml", 'Head = "skull"  # ours\nSpine1 = "b 2"'),
        ("map.json", '{"Head": "skull", "Spine1": "b 2"}'),
    ],
)
def test_a_map_is_toml_or_json(tmp_path, name, text, encoding):
    (tmp_path / name).write_text(text, encoding=encoding)
    assert read_joint_map(tmp_path / name) == {"Head": "skull", "Spine1": "b 2"}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("map.toml", "LeftArm = ", "Invalid value"),
        ("map.json", "{", "Input data was truncated"),
        ("map.json", "[1]", "Expected `object`"),
        ("map.toml", 'LeftElbow = "e"', "'LeftElbow'"),
        ("map.toml", "LeftArm = 3", "Expected `str`, got `int`"),
        ("map.json", "[" * 100_000, ""),
        ("map.toml", "LeftArm = " + "[" * 5000, ""),
        ("map.json", f'{{"LeftArm": {"9" * 5000}}}', ""),
        ("map.toml", f"LeftArm = 0x{'f' * 5000}", ""),
    ],
)
def test_a_faulty_map_is_refused(tmp_path, name, text, reason):
    (tmp_path / name).write_text(text)
    message = rf"{name}: not a joint map in TOML or JSON \(.*{reason}.*\); name the joints of Hips, .*Spine1"
    with pytest.raises(UserError, match=message):
        read_joint_map(tmp_path / name)
