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


def dropped(found, kept):
    return [(r.name, r.camera) for r in found if r not in kept]


def test_the_rules_name_files_by_take_as_they_are_on_disk():
    names = {rule.name: {SUB_ACTIONS[rule.subject, *take] for take in rule.takes} for rule in RULES}
    assert names == {
        "s11-directions-corrupt": {"Directions"},
        "s9-shifted-poses": {"Greeting", "SittingDown 1", "Waiting 1"},
        "s9-short-capture": {"Walking", "Phoning", "Greeting", "SittingDown 1", "Waiting 1"},
    }


def test_one_camera_of_s11_directions_is_dropped():
    found = recordings("S11", "Directions")
    kept, lines = apply_rules(found, {})
    assert dropped(found, kept) == [("Directions", "54138969")]
    assert len(lines) == 1
    assert lines[0].startswith(
        "rule s11-directions-corrupt: 1 recording(s) dropped, S11 Directions take 2 (Directions) "
        "camera 54138969: the video cannot be decoded"
    )
    assert lines[0].endswith("; --rule s11-directions-corrupt=keep keeps them")


def test_shifted_poses_of_s9_are_dropped_and_short_ones_kept():
    found = recordings("S9", "Greeting", "SittingDown", "Waiting", "Walking", "Phoning")
    kept, lines = apply_rules(found, {})
    names = ("Greeting", "SittingDown 1", "Waiting 1")
    assert dropped(found, kept) == [(name, camera) for name in names for camera in CAMERAS]
    assert [
        re.match(r"rule (\S+): (\d+) recording\(s\) (dropped|kept)", line).groups() for line in lines
    ] == [
        (SHIFTED, "12", "dropped"),
        (SHORT, "8", "kept"),
    ]
    assert "S9 Walking take 2 (Walking), Phoning take 2 (Phoning): " in lines[1]
    assert lines[1].endswith("; --rule s9-short-capture=drop drops them")


def test_overrides_turn_every_rule_round():
    found = recordings("S9", "Greeting", "Walking") + recordings("S11", "Directions")
    kept, lines = apply_rules(found, {CORRUPT: "keep", SHIFTED: "keep"})
    assert kept == found
    assert [line.split(":")[0] for line in lines] == [f"rule {name}" for name in (CORRUPT, SHIFTED, SHORT)]
    kept, _ = apply_rules(found, {SHIFTED: "keep", SHORT: "drop"})
    assert {name for name, _ in dropped(found, kept)} == {"Walking", "Greeting", "Directions"}


def test_other_recordings_are_not_concerned_and_nothing_is_said():
    found = recordings("S1", "Greeting", "Walking", "Directions") + recordings("S11", "Greeting", "Walking")
    assert apply_rules(found, {}) == (found, [])
    found = recordings("S9", "Greeting")
    assert apply_rules(found, {}, rules=()) == (found, [])


def test_what_would_be_dropped_is_known_of_absent_recordings_too():
    assert is_dropped("S11", "Directions", 2, "54138969", {})
    assert not is_dropped("S11", "Directions", 2, "55011271", {})
    assert not is_dropped("S11", "Directions", 1, "54138969", {})
    assert not is_dropped("S11", "Directions", 2, "54138969", {CORRUPT: "keep"})
    assert not is_dropped("S9", "Walking", 2, "54138969", {})
    assert is_dropped("S9", "Walking", 2, "54138969", {SHORT: "drop"})
    assert not is_dropped("S9", "Greeting", 2, "54138969", {}, rules=())


def test_words_become_overrides_and_the_last_counts():
    assert parse_rules([]) == {}
    words = [f"{SHORT}=drop", f"{CORRUPT}=keep", f"{SHORT}=keep"]
    assert parse_rules(words) == {SHORT: "keep", CORRUPT: "keep"}


@pytest.mark.parametrize("word", ["s9=drop", "s9-short-capture", "s9-short-capture=maybe", "=keep", ""])
def test_an_unknown_rule_or_verdict_lists_the_rules(word):
    with pytest.raises(UserError, match=f"no rule '{word}'") as caught:
        parse_rules([word])
    assert all(f"{rule.name} (by default {rule.default})" in str(caught.value) for rule in RULES)
