import re

import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import (
    CAMERAS,
    RULES,
    SUB_ACTIONS,
    TAKES,
    Recording,
    apply_rules,
    parse_rules,
    verdicts_on,
)
from pose3d.recordings.human36m.known_faults import is_dropped

CORRUPT, SHIFTED, SHORT = (rule.name for rule in RULES)


def recordings(subject, *actions):
    return [
        Recording(subject, action, take, camera, SUB_ACTIONS[subject, action, take], *[None] * 5)
        for action in actions
        for take in TAKES
        for camera in CAMERAS
    ]


def applied(found, is_synthetic=False, **overrides):
    """What is dropped, (name, camera), and the lines; also as `is_dropped` has it of each recording alone."""
    verdicts = verdicts_on(is_synthetic, {name.replace("_", "-"): value for name, value in overrides.items()})
    kept, lines = apply_rules(found, verdicts)
    dropped = [r for r in found if r not in kept]
    assert dropped == [r for r in found if is_dropped((r.subject, r.action, r.take, r.camera), verdicts)]
    assert kept == [r for r in found if r not in dropped]
    return [(r.name, r.camera) for r in dropped], lines


def test_one_camera_of_s11_directions_is_dropped():
    dropped, (line,) = applied(recordings("S11", "Directions"))
    assert dropped == [("Directions", "54138969")]
    assert line.startswith(
        "rule s11-directions-corrupt: 1 recording(s) dropped, S11 Directions take 2 (Directions) "
        "camera 54138969: the video cannot be decoded"
    )
    assert line.endswith("; --rule s11-directions-corrupt=keep keeps them")


def test_shifted_poses_of_s9_are_dropped_and_short_ones_kept():
    found = recordings("S9", "Greeting", "SittingDown", "Waiting", "Walking", "Phoning")
    dropped, lines = applied(found)
    names = ("Greeting", "SittingDown 1", "Waiting 1")
    assert dropped == [(name, camera) for name in names for camera in CAMERAS]
    said = [re.match(r"rule (\S+): (\d+) recording\(s\) (dropped|kept)", line).groups() for line in lines]
    assert said == [(SHIFTED, "12", "dropped"), (SHORT, "8", "kept")]
    assert "S9 Walking take 2 (Walking), Phoning take 2 (Phoning): " in lines[1]
    assert lines[1].endswith("; --rule s9-short-capture=drop drops them")


def test_overrides_turn_every_rule_round():
    found = recordings("S9", "Greeting", "Walking") + recordings("S11", "Directions")
    dropped, lines = applied(found, s11_directions_corrupt="keep", s9_shifted_poses="keep")
    assert dropped == []
    assert [line.split(":")[0] for line in lines] == [f"rule {name}" for name in (CORRUPT, SHIFTED, SHORT)]
    dropped, _ = applied(found, s9_shifted_poses="keep", s9_short_capture="drop")
    assert {name for name, _ in dropped} == {"Walking", "Greeting", "Directions"}


def test_other_recordings_are_not_concerned_and_of_synthetic_ones_those_of_rules_that_are_named():
    other = recordings("S1", "Greeting", "Walking", "Directions") + recordings("S11", "Greeting", "Walking")
    assert applied(other) == ([], [])
    found = recordings("S9", "Greeting", "Walking")
    assert applied(found, is_synthetic=True) == ([], [])
    dropped, lines = applied(found, is_synthetic=True, s9_short_capture="drop")
    assert {name for name, _ in dropped} == {"Greeting", "Walking"}
    assert len(lines) == 1


def test_words_become_overrides_and_the_last_counts():
    assert parse_rules([]) == {}
    words = [f"{SHORT}=drop", f"{CORRUPT}=keep", f"{SHORT}=keep"]
    assert parse_rules(words) == {SHORT: "keep", CORRUPT: "keep"}


@pytest.mark.parametrize("word", ["s9=drop", "s9-short-capture", "s9-short-capture=maybe", "=keep", ""])
def test_an_unknown_rule_or_verdict_lists_the_rules(word):
    with pytest.raises(UserError, match=f"no rule '{word}'") as caught:
        parse_rules([word])
    assert all(f"{rule.name} (by default {rule.default})" in str(caught.value) for rule in RULES)
