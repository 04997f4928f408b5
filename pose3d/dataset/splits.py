"""Split samples into training, validation and test; cut minibatches."""

import shlex
from dataclasses import dataclass

import numpy as np

from pose3d.config import option
from pose3d.dataset.samples import Dataset
from pose3d.errors import UserError

# "tail" keeps the last tenth of each take for validation, after a gap of half a second at 50 Hz.
VALIDATION_SHARE = 0.1
GAP_FRAMES = 25


@dataclass(frozen=True)
class Split:
    """Sample numbers, ascending and disjoint, and one line on how they were chosen."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    summary: str


def split(dataset, settings):
    """Divide samples as `pose3d.config.DataSettings` ask: `Split`.

    `dataset` has the arrays subject, action, take and frame of a `Dataset`. The samples of a test subject
    neither train nor validate. With ``validation =``

    * ``"tail"``, the last tenth of every training take validates, in all cameras. The 25 frames before it (in
      a short take, as many as its tail has) are not used: at 50 Hz neighbours are nearly the same image.
    * ``"subject:S9"``, all of S9.
    * ``"report"``, a random tenth of the training frames. This error is too low, because the network trains
      on their neighbours and on the same moments in other cameras.

    A `UserError` if the subject to validate with is missing or a test subject, or no sample remains to train
    or validate with.
    """
    test = np.isin(dataset.subject, settings.test)
    chosen, dropped, how = _validation(dataset, settings, test)
    train = ~test & ~chosen & ~dropped
    kept, tested = (dataset.frame % every == 0 for every in (settings.train_every, settings.test_every))
    numbers = [np.flatnonzero(mask) for mask in (train & kept, chosen & kept, test & tested)]
    if not numbers[0].size or not numbers[1].size:
        raise UserError(
            f"validation {settings.validation!r} leaves {numbers[0].size} samples to train and "
            f"{numbers[1].size} to validate with, {numbers[2].size} being the test's "
            f"({', '.join(settings.test)}); build more subjects or takes, or choose another validation"
        )
    counts = "train {}, validation {}, test {}".format(*(len(n) for n in numbers))
    for every, use in ((settings.train_every, "train and validate"), (settings.test_every, "test")):
        how += f"; one frame in {every} to {use} with" if every > 1 else ""
    return Split(*numbers, summary=f"{counts} samples; validation: {how}")


def _validation(dataset, settings, test):
    """Masks of the samples to validate with and of those to drop, and how they were chosen."""
    if settings.validation == "tail":
        return _tails(dataset, ~test)
    none = np.zeros(len(test), bool)
    if settings.validation == "report":
        candidates, drawn = np.flatnonzero(~test), none.copy()
        shuffled = np.random.default_rng(settings.seed).permutation(candidates)
        drawn[shuffled[: round(VALIDATION_SHARE * len(candidates))]] = True
        return drawn, none, "a random tenth of the training frames (the report's; too low)"
    subject = settings.validation.removeprefix("subject:")
    mask = dataset.subject == subject
    if not mask.any():
        raise UserError(f"validation 'subject:{subject}': there is no subject {subject!r} in the data set")
    if test[mask].any():
        raise UserError(f"validation 'subject:{subject}': {subject} is a test subject; choose another")
    return mask, none, f"all of {subject}"


def _tails(dataset, usable):
    """The last tenth of every take, and the gap before it, shortened in takes of less than 250 frames."""
    tail, gap = np.zeros(len(usable), bool), np.zeros(len(usable), bool)
    gaps = []
    takes = np.stack(
        [np.unique(a, return_inverse=True)[1] for a in (dataset.action, dataset.subject, dataset.take)]
    )
    for take in np.unique(takes[:, usable], axis=1).T:
        mask = (takes == take[:, None]).all(axis=0)
        frames = np.unique(dataset.frame[mask])
        first = frames[-max(1, round(VALIDATION_SHARE * len(frames)))]
        gaps.append(min(GAP_FRAMES, int(frames[-1] - first) + 1))
        tail |= mask & (dataset.frame >= first)
        gap |= mask & (dataset.frame >= first - gaps[-1]) & (dataset.frame < first)
    if not gaps:
        return tail, gap, "none"
    width = f"{min(gaps)}" if min(gaps) == max(gaps) else f"{min(gaps)} to {max(gaps)}"
    return tail, gap, f"the last tenth of each of {len(gaps)} training takes, after a gap of {width} frames"


def minibatches(indices, batch_size, prefetch=lambda following: None):
    """Yield sample numbers (n,) in minibatches (batch_size,); the last may be shorter.

    ``prefetch(numbers)`` is called with each while the one before it is in use.
    """
    indices = np.asarray(indices)
    batches = [indices[start : start + batch_size] for start in range(0, len(indices), batch_size)]
    if batches:
        prefetch(batches[0])
    for number, batch in enumerate(batches, 1):
        if number < len(batches):
            prefetch(batches[number])
        yield batch


def open_test(folder, settings, subjects=None, actions=None):
    """The `Dataset` of a folder and the numbers (n,) of its samples to test with.

    `settings` are those of the network to be tested, whose subjects and actions hold where None is given.
    Raises as `Dataset.open`, and a `UserError` if a subject is missing or nothing is left to test with.
    """
    data = Dataset.open(folder, actions or settings.actions or None, memory=settings.memory)
    subjects = subjects or settings.test
    missing = [subject for subject in subjects if subject not in data.subjects]
    if missing or not subjects:
        raise UserError(
            f"{folder} has no subject {', '.join(missing)} to test with, only {', '.join(data.subjects)}: "
            f"name some of these, as in --subjects {shlex.quote(data.subjects[-1])}"
        )
    chosen = np.isin(data.subject, subjects) & (data.frame % settings.test_every == 0)
    if not chosen.any():
        raise UserError(f"{folder} has no frame whose number is a multiple of {settings.test_every}")
    return data, np.flatnonzero(chosen)


def open_split(folder, settings, needs_test):
    """The `Dataset` of a folder and its `Split`.

    Raises as `Dataset.open` and `split`, and a `UserError` if a test subject is missing, or if `needs_test`
    and there is nothing to test with.
    """
    data = Dataset.open(folder, settings.actions or None, memory=settings.memory)
    if missing := [subject for subject in settings.test if subject not in data.subjects]:
        raise UserError(
            f"{folder} has no subject {', '.join(missing)} to keep for the test, only "
            f"{', '.join(data.subjects)}: name some of these, {option('data.test', data.subjects[-1:])}, or "
            f"nobody, {option('data.test', [])}"
        )
    found = split(data, settings)
    if needs_test and not len(found.test):
        raise UserError(
            f"no sample of {folder} is kept for the test: name subjects, "
            f"{option('data.test', data.subjects[-1:])}"
        )
    return data, found
