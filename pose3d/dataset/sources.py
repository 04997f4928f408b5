"""The source of a data set: a raw tree, custom recordings or synthetic people; chosen, and its recordings."""

from pathlib import Path

from pose3d import synthetic
from pose3d.config import HUMAN36M, PEOPLE, SYNTHETIC_TREE
from pose3d.dataset.built_files import built_path, read_provenance
from pose3d.errors import UserError
from pose3d.recordings import human36m
from pose3d.recordings.registry import RAW, Selection, find_recordings
from pose3d.synthetic.tree.provenance import read_provenance as read_tree

REAL, SYNTHETIC = Path(HUMAN36M), Path(SYNTHETIC_TREE)


def existing_source():
    """The default source, if it is there: the Path of Human3.6M, else of the synthetic walkers, or None."""
    return next((folder for folder in (REAL, SYNTHETIC) if folder.is_dir()), None)


def prepared(source, selection, workers):
    """The `source` that is asked for, or the default, whose walkers are generated if they are incomplete."""
    found = source or (REAL if REAL.is_dir() else SYNTHETIC)
    if found != SYNTHETIC or (source and (read_tree(found) or {}).get("complete")):
        return found
    if not source:
        print(
            f"There is no {REAL}: generating and building synthetic walkers in {SYNTHETIC} instead. "
            "Results on them are not results on Human3.6M.",
            flush=True,
        )
    _, subjects, _ = selection.of_raw()
    return synthetic.generate(SYNTHETIC, subjects=subjects, workers=workers)


def selected(source, selection, overrides, frames, seed):
    """The kind of a source, the recordings that a `Selection` and the rules leave, and lines to print.

    `overrides` are those of `human36m.parse_rules`; `frames` and `seed` are of synthetic people, of whom the
    kind is None. A `UserError` if nothing that is selected is there; rules may leave no recording.
    """
    if source == PEOPLE:
        from pose3d.synthetic.people import find_people  # with numba, a third of a worker's start

        kind, lines = None, []
        recordings = find_people(frames, seed, selection.subjects, selection.action_names())
    else:
        kind, recordings, lines = find_recordings(source, selection)
    if kind is RAW:
        verdicts = human36m.verdicts_on(read_tree(source) is not None, overrides)
        recordings, ruled = human36m.apply_rules(recordings, verdicts)
        lines += ruled
    elif overrides:
        raise UserError(f"--rule applies to raw Human3.6M trees, and {source} is none; omit it")
    return kind, recordings, lines


def recordings_of(data, indices):
    """The recordings that samples of a data set (`indices`) were built from.

    A recording that was not built, such as a known bad one, is none of them. A `UserError` if the source is
    gone.
    """
    needs = "cropping frames again needs the raw tree or the custom recordings that the files were built from"
    found, actions, subjects = [], data.action[indices], data.subject[indices]
    for action, subject in sorted({*zip(actions.tolist(), subjects.tolist(), strict=True)}):
        path = built_path(data.folder, action, subject)
        source = Path(read_provenance(path).get("source", ""))
        try:
            _, recordings, _ = find_recordings(source, Selection([action], [subject]))
        except UserError as error:
            raise UserError(f"{path}: {needs} ({error})") from error
        rows = indices[(actions == action) & (subjects == subject)]
        built = {*zip(data.take[rows].tolist(), data.camera[rows].tolist(), strict=True)}
        found += [each for each in recordings if (each.take, int(each.camera)) in built]
    if not found:
        raise UserError(f"{data.folder}: {needs}")
    return found
