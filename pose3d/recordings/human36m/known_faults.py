"""Recordings of Human3.6M that are known to be bad, and whether they are kept or dropped.

No reader can see these faults in one file. Each is a rule with a name, by which a user can override it.
"""

from dataclasses import dataclass

from pose3d.errors import UserError

# Verdict -> what is done, the other verdict, and what that would do.
_WORDS = {"keep": ("kept", "drop", "drops them"), "drop": ("dropped", "keep", "keeps them")}


@dataclass(frozen=True)
class Rule:
    """A known fault of some recordings."""

    name: str  # by which it is overridden
    subject: str
    takes: tuple  # (action, take)
    camera: str | None  # None for all four
    default: str  # "drop" skips the recordings, "keep" uses the frames that have poses
    reason: str  # why, and where it is known from

    def concerns(self, subject, action, take, camera):
        """Whether the rule is about that recording."""
        return (
            subject == self.subject
            and (action, take) in self.takes
            and (self.camera is None or camera == self.camera)
        )


CORRUPT_VIDEO = Rule(
    "s11-directions-corrupt", "S11", (("Directions", 2),), "54138969", "drop",
    "the video cannot be decoded to its end, so VideoPose3D and others drop it "
    "(VideoPose3D all four cameras, here only this one)",
)  # fmt: skip
SHIFTED_POSES = Rule(
    "s9-shifted-poses", "S9", (("Greeting", 2), ("SittingDown", 2), ("Waiting", 1)), None, "drop",
    "the motion capture is shifted by about 200 mm along the world's x axis, so 3D poses relative to the "
    "pelvis are right but 2D joints and boxes are not; learnable-triangulation drops these, posepile "
    "shifts them back, others use them as they are",
)  # fmt: skip
SHORT_CAPTURE = Rule(
    "s9-short-capture", "S9", (("Walking", 2), ("Phoning", 2), *SHIFTED_POSES.takes), None, "keep",
    "the motion capture ends early, so only the first part of the video has poses and is used; that "
    "is expected here, and the report's figure 1(a) and others, such as VideoPose3D, have the same numbers",
)  # fmt: skip
RULES = (CORRUPT_VIDEO, SHIFTED_POSES, SHORT_CAPTURE)


def parse_rules(words):
    """Read ``NAME=keep`` and ``NAME=drop``: dict of rule to verdict. The last word on a rule counts.

    A `UserError` if there is no such rule or verdict.
    """
    overrides = {}
    for word in words:
        name, _, verdict = word.partition("=")
        if name not in {rule.name for rule in RULES} or verdict not in _WORDS:
            known = ", ".join(f"{rule.name} (by default {rule.default})" for rule in RULES)
            raise UserError(f"no rule {word!r}; give NAME=keep or NAME=drop, the rules are {known}")
        overrides[name] = verdict
    return overrides


def verdicts_on(is_synthetic, overrides):
    """Rule -> "keep" or "drop", of the rules that apply to a raw tree; `overrides` as from `parse_rules`.

    The rules describe Human3.6M, so only those that a user names apply to a synthetic tree.
    """
    return {
        rule: overrides.get(rule.name, rule.default)
        for rule in RULES
        if rule.name in overrides or not is_synthetic
    }


def apply_rules(recordings, verdicts):
    """Drop what the rules drop, and report which rules applied.

    Returns the recordings kept, in their order, and a line for each rule that applied to a recording which
    earlier rules kept.
    """
    kept, lines = list(recordings), []
    for rule, verdict in verdicts.items():
        concerned = [r for r in kept if rule.concerns(r.subject, r.action, r.take, r.camera)]
        if not concerned:
            continue
        takes = dict.fromkeys(f"{r.action} take {r.take} ({r.name})" for r in concerned)
        cameras = f" camera {rule.camera}" if rule.camera else ""
        done, other, undo = _WORDS[verdict]
        lines.append(
            f"rule {rule.name}: {len(concerned)} recording(s) {done}, "
            f"{rule.subject} {', '.join(takes)}{cameras}: {rule.reason}; --rule {rule.name}={other} {undo}"
        )
        if verdict == "drop":
            kept = [r for r in kept if r not in concerned]
    return kept, lines


def is_dropped(recording, verdicts):
    """Whether the rules drop a recording (subject, action, take, camera), whether it exists or not."""
    return any(rule.concerns(*recording) and verdict == "drop" for rule, verdict in verdicts.items())
