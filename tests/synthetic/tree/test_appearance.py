import numpy as np
import pytest

from pose3d.recordings.human36m import SUBJECTS
from pose3d.synthetic.body import BONE
from pose3d.synthetic.tree.appearance import KINDS, appearance, body_of

OWN = appearance("S5", (), np.random.default_rng(0))
GRAY = np.array([0.299, 0.587, 0.114])


def drawn(*kinds, seeds=range(12)):
    return [appearance("S5", kinds, np.random.default_rng(seed)) for seed in seeds]


def test_without_a_kind_every_take_looks_the_same():
    for each in drawn():
        np.testing.assert_array_equal(each.body.vertices, body_of("S5").vertices)
        np.testing.assert_array_equal(each.colours, OWN.colours)
        np.testing.assert_array_equal(each.offsets, OWN.offsets)
        assert set(each.lamps) == {1}
        assert each.mask_noise == 1


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("clothes", {"colours", "offsets"}),
        ("girth", {"offsets"}),
        ("bodies", {"body", "colours", "offsets"}),
        ("light", {"lamps"}),
        ("masks", {"mask_noise"}),
    ],
)
def test_a_kind_changes_its_own_and_nothing_else(kind, fields):
    found = drawn(kind)
    values = {
        name: [np.asarray(getattr(each, name)) for each in found] for name in vars(OWN) if name != "body"
    }
    values["body"] = [each.body.vertices for each in found]
    distinct = {name: len({value.tobytes() for value in each}) for name, each in values.items()}
    assert {name for name, count in distinct.items() if count > 1} == fields
    assert all(distinct[name] == len(found) for name in fields)


def test_one_more_kind_changes_nothing_of_the_others():
    few, all_kinds = drawn("light")[3], drawn(*KINDS)[3]
    assert few.lamps == all_kinds.lamps
    without_bodies = drawn("clothes", "girth", "light", "masks")[3]
    np.testing.assert_array_equal(drawn("clothes")[3].colours, without_bodies.colours)
    np.testing.assert_array_equal(drawn("bodies")[3].body.vertices, all_kinds.body.vertices)


def test_the_seven_wear_plain_clothes_and_those_of_s11_are_no_extremes():
    grays = []
    for subject in SUBJECTS:
        each = appearance(subject, (), np.random.default_rng(0))
        parts = [
            each.body.on(bones) for bones in (("Spine", "Spine1"), ("LeftUpLeg", "RightUpLeg"), ("LeftLeg",))
        ]
        gray = [each.colours[part] @ GRAY for part in parts]
        assert max(np.std(part) / np.mean(part) for part in gray[:2]) < 0.12
        grays.append([np.median(part) for part in gray])
    shirts, thighs, shanks = np.array(grays).T
    np.testing.assert_allclose(thighs, shanks, rtol=0.1)  # long trousers
    assert (shirts > 1.2 * thighs).all()
    for gray in (shirts, thighs):
        assert gray[:-1].min() < gray[-1] < gray[:-1].max()


def test_girth_thickens_the_trunk_and_not_the_head():
    for each in drawn("girth"):
        more = each.offsets - OWN.offsets
        most = OWN.body.bones[:, 0]
        assert (np.abs(more[np.isin(most, [BONE["Head"], BONE["LeftFoot"], BONE["RightHand"]])]) < 1e-6).all()
        trunk = more[most == BONE["Spine"]]
        assert np.ptp(trunk) < 1e-4
        assert -6 <= trunk[0] <= 22


def test_colours_are_colours_and_a_person_has_several():
    for each in drawn("clothes", seeds=range(60)):
        assert each.colours.dtype == np.float32
        assert (each.colours > 0).all()
        assert each.colours.max() < 2
        shares = each.colours / (each.colours @ GRAY)[:, None]
        assert 3 <= len(np.unique(shares.round(3), axis=0)) <= 5
        hands = np.isin(each.body.bones[:, 0], [BONE["LeftHand"], BONE["RightHand"]])
        red, _, blue = shares[hands & (each.offsets == 0)].T
        assert (red > 1.1 * blue).all()


def test_the_seven_subjects_differ_in_build_and_are_of_human36ms_sexes():
    bodies = {subject: body_of(subject) for subject in SUBJECTS}
    assert [subject for subject in SUBJECTS if bodies[subject].is_female] == ["S1", "S5", "S7"]
    statures = {subject: body.stature for subject, body in bodies.items()}
    assert np.ptp(list(statures.values())) > 200
    # The test subject lies within the range of the others and equals none of them.
    test = statures.pop("S11")
    assert min(statures.values()) < test < max(statures.values())
    assert min(abs(test - other) for other in statures.values()) > 15
    looks = [appearance(subject, (), np.random.default_rng(0)).colours.tobytes() for subject in SUBJECTS]
    assert len(set(looks)) == 7
