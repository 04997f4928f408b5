import json
import re

import pytest

from pose3d.errors import UserError
from pose3d.synthetic.motion.bvh import read
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


@pytest.fixture
def skeleton(tmp_path):
    """A function that makes a motionless BVH of "name:parent" words, and reads it."""

    def make(text, old="", new=""):
        children = {}
        for word in text.split():
            name, _, parent = word.partition(":")
            children.setdefault(parent.replace(old, new), []).append(name.replace(old, new))

        def block(name, kind):
            below = "".join(block(child, "JOINT") for child in children.get(name, []))
            return f"{kind} {name}\n{{\nOFFSET 0 3 0\nCHANNELS 1 Xrotation\n{below}}}\n"

        count = len(text.split())
        path = tmp_path / "some.bvh"
        motion = f"MOTION\nFrames: 1\nFrame Time: 0.01\n{' 0' * count}\n"
        path.write_text("HIERARCHY\n" + block(children[""][0], "ROOT") + motion)
        return read(path)

    return make


def named(bvh, joint_map=None):
    return {key: bvh.names[i] for key, i in find_joints(bvh, joint_map or {}).items()}


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
def test_the_conversions_of_cmu_are_known(skeleton, text, expected):
    found = named(skeleton(text))
    left = ("UpLeg", "Leg", "Foot", "ToeBase", "Arm", "ForeArm", "Hand")
    keys = ["Hips", "LowerBack", "Spine", "Spine1", "Neck", "Head", *(f"Left{part}" for part in left)]
    assert [found.get(key, "-") for key in keys] == expected.split()
    right = [found.get(f"Right{part}", "-") for part in left]
    assert right == [re.sub("^l", "r", name).replace("Left", "Right") for name in expected.split()[6:]]


def test_name_spaces_and_capitals_do_not_matter(skeleton):
    text = " ".join(":".join(f"rig{part}" for part in word.split(":")) for word in CMU.split())
    bvh = skeleton(text)
    bvh.names[:] = [name.replace("rig", "mixamo:").upper() for name in bvh.names]
    assert named(bvh)["LeftArm"] == "MIXAMO:LEFTARM"


def test_a_missing_joint_is_named_with_the_file_and_what_is_there(skeleton):
    bvh = skeleton(CMU, "LeftForeArm", "Elle")
    message = r"some.bvh: no joint for LeftForeArm among Hips, .* Elle, .*; name it by --joint-map"
    with pytest.raises(UserError, match=message):
        find_joints(bvh, {})
    assert named(bvh, {"LeftForeArm": "Elle"})["LeftForeArm"] == "Elle"
    with pytest.raises(UserError, match=r"no joint for LeftForeArm \('Elbow'\) among"):
        find_joints(bvh, {"LeftForeArm": "Elbow"})
    with pytest.raises(UserError, match=r"no joint for LeftToeBase \('Zeh'\) among"):  # asked for, so wanted
        find_joints(bvh, {"LeftForeArm": "Elle", "LeftToeBase": "Zeh"})


def test_a_trunk_in_one_piece_is_refused(skeleton):
    text = CMU.replace("LowerBack:Hips Spine:LowerBack Spine1:Spine", "").replace(":Spine1", ":Hips")
    with pytest.raises(UserError, match="no joint for Spine1 among"):
        find_joints(skeleton(text), {})


def test_the_chest_is_what_carries_both_arms(skeleton):
    """Mixamo has one joint more, and an arm may hang on the joints of its own side."""
    more = CMU.replace("Spine1:Spine", "Spine1:Spine Spine2:Spine1").replace(":Spine1", ":Spine2")
    more = more.replace("Spine2:Spine2", "Spine2:Spine1")
    assert named(skeleton(more))["Spine1"] == "Spine2"
    apart = CMU.replace("LeftShoulder:Spine1", "Rib:Spine1 LeftShoulder:Rib")
    assert named(skeleton(apart))["Spine1"] == "Spine1"


def test_a_skeleton_may_lack_a_neck(skeleton):
    text = CMU.replace("Neck:Spine1 Neck1:Neck Head:Neck1", "Head:Spine1")
    found = named(skeleton(text))
    assert "Neck" not in found
    assert found["Spine1"] == "Spine1"
    with pytest.raises(UserError, match=r"no joint for Neck \('Hals'\) among"):
        find_joints(skeleton(text), {"Neck": "Hals"})


def test_the_map_goes_before_the_known_names(skeleton):
    bvh = skeleton(CMU)
    found = named(bvh, {"Spine1": "Spine", "Neck": "Neck", "Hips": "LowerBack"})
    assert (found["Spine1"], found["Neck"], found["Hips"]) == ("Spine", "Neck", "LowerBack")
    assert named(bvh, {"Neck": "Neck"})["Spine1"] == "Spine1"


@pytest.mark.parametrize("kind", ["toml", "json"])
def test_a_map_is_toml_or_json(tmp_path, kind):
    path = tmp_path / f"map.{kind}"
    path.write_text('LeftArm = "arm_l"  # ours\nSpine1 = "b 2"' if kind == "toml" else
                    json.dumps({"LeftArm": "arm_l", "Spine1": "b 2"}))  # fmt: skip
    assert read_joint_map(path) == {"LeftArm": "arm_l", "Spine1": "b 2"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("map.toml", "LeftArm = ", "map.toml: not valid TOML or JSON"),
        ("map.json", "{", "map.json: not valid TOML or JSON"),
        ("map.json", "[1]", "map.json: give a table of joints and names"),
        ("map.toml", 'LeftElbow = "e"', "map.toml: unknown joint 'LeftElbow'; choose from Hips, .*Spine1"),
        ("map.toml", "LeftArm = 3", "map.toml: LeftArm = 3; give the name of a joint"),
        ("map.json", "[" * 100_000, "map.json: not valid TOML or JSON"),
        ("map.toml", "LeftArm = " + "[" * 5000, "map.toml: not valid TOML or JSON"),
        ("map.json", f'{{"LeftArm": {"9" * 5000}}}', "map.json: not valid TOML or JSON"),
        ("map.toml", f"LeftArm = 0x{'f' * 5000}", "map.toml: not valid TOML or JSON"),
    ],
)
def test_a_faulty_map_is_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        read_joint_map(tmp_path / name)


@pytest.mark.parametrize(("name", "text"), [("a.json", '{"Head": "skull"}'), ("a.toml", 'Head = "skull"')])
def test_a_map_may_begin_with_a_byte_order_mark(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert read_joint_map(tmp_path / name) == {"Head": "skull"}
