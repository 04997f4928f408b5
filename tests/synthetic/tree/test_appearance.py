import numpy as np

from pose3d.recordings.human36m import SUBJECTS
from pose3d.synthetic.body import BONE
from pose3d.synthetic.tree.appearance import appearance, body_of

GRAY = np.array([0.299, 0.587, 0.114])


def test_the_seven_wear_plain_clothes_and_those_of_s11_are_no_extremes():
    grays = []
    for subject in SUBJECTS:
        each = appearance(subject)
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


def test_colours_are_colours_and_a_person_has_several():
    for each in map(appearance, SUBJECTS):
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
    looks = [appearance(subject).colours.tobytes() for subject in SUBJECTS]
    assert len(set(looks)) == 7
