import re

import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import ACTIONS, REPORT_ACTIONS, SUB_ACTIONS, SUBJECTS, expand_actions


def test_every_take_has_a_name_of_its_own():
    assert (len(ACTIONS), len(SUBJECTS), len(SUB_ACTIONS)) == (15, 7, 15 * 7 * 2)
    for subject in SUBJECTS:
        names = [name for (owner, _, _), name in SUB_ACTIONS.items() if owner == subject]
        assert len(set(names)) == 30
        assert all(re.fullmatch(r"[A-Z][A-Za-z]+( [123])?", name) for name in names)


@pytest.mark.parametrize(
    ("subject", "action", "pair"),
    [
        ("S1", "Walking", ("Walking 1", "Walking")),
        ("S7", "Walking", ("Walking 1", "Walking 2")),
        ("S5", "Discussion", ("Discussion 2", "Discussion 3")),
        ("S1", "TakingPhoto", ("TakingPhoto 1", "TakingPhoto")),
        ("S5", "TakingPhoto", ("Photo", "Photo 2")),
        ("S1", "WalkingDog", ("WalkingDog 1", "WalkingDog")),
        ("S11", "WalkingDog", ("WalkDog 1", "WalkDog")),
        ("S8", "WalkTogether", ("WalkTogether 1", "WalkTogether 2")),
        ("S11", "SittingDown", ("SittingDown", "SittingDown 1")),
        ("S11", "Phoning", ("Phoning 3", "Phoning 2")),
    ],
)
def test_names_are_those_of_the_data_sets_metadata(subject, action, pair):
    assert (SUB_ACTIONS[subject, action, 1], SUB_ACTIONS[subject, action, 2]) == pair


def test_sets_of_actions_have_names_and_no_action_comes_twice():
    six = ["Walking", "Discussion", "Eating", "Greeting", "TakingPhoto", "WalkingDog"]
    assert list(REPORT_ACTIONS) == six
    assert expand_actions(["report"]) == six
    assert expand_actions(["all"]) == list(ACTIONS)
    assert expand_actions(["Sitting", "report", "Photo", "WalkDog"]) == ["Sitting", *six]
    for name in ("reports", "Report", "ALL", "Walk"):
        with pytest.raises(UserError, match=f"no action '{name}' in Human3.6M.*WalkingDog"):
            expand_actions([name])
