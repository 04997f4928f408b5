"""``build_dataset --verify``: check a raw tree or built files, and print the faults."""

from tqdm import tqdm

from pose3d import synthetic
from pose3d.dataset import verify as integrity
from pose3d.errors import UserError
from pose3d.io.tables import text_table
from pose3d.recordings import human36m
from pose3d.recordings.human36m import tree_checks as verification
from pose3d.recordings.registry import RAW, kind_of, rules_for


def check_raw(source, wanted, overrides, metadata=None):
    """Check a raw tree without building, and print the result.

    Parameters
    ----------
    source : path
    wanted : pose3d.recordings.registry.Wanted
    overrides : dict of rule name to verdict
    metadata : path of ``metadata.xml``; None: the one in the tree

    Returns
    -------
    bool, whether there are faults

    Raises
    ------
    UserError
        if `source` is not a raw tree, or a name is unknown
    """
    if (kind := kind_of(source)) is not RAW:
        raise UserError(f"{source} is a {kind.name}; --verify checks raw Human3.6M trees only")
    provenance = synthetic.read_provenance(source)
    expected, rules = _expected(provenance), rules_for(source, overrides)
    found = verification.verify_raw(source, *wanted.of_raw(), overrides, rules, expected, metadata)
    print(f"raw tree {source}{'' if provenance is None else ', synthetic'}:")
    for line in found.notes:
        print(line)
    print(text_table(verification.COLUMNS, found.rows, decimals=5))
    return _print_faults(found.faults)


def check_built(out, paths):
    """Check built files, and print the result.

    Parameters
    ----------
    out : path of their folder
    paths : list of Path

    Returns
    -------
    bool, whether there are faults
    """
    print(f"built files in {out}:")
    checked = [integrity.verify_built(path) for path in tqdm(paths, unit="file", leave=False, disable=None)]
    print(text_table(integrity.COLUMNS, [found.row for found in checked]))
    return _print_faults([fault for found in checked for fault in found.faults])


def _expected(provenance):
    """Number of poses of each take; empty for captured motion, whose takes differ in length."""
    if provenance is None:
        return human36m.POSES
    return {} if "motion" in provenance else dict.fromkeys(human36m.SUB_ACTIONS, provenance["frames"])


def _print_faults(faults):
    for fault in faults:
        print(fault)
    plural = "" if len(faults) == 1 else "s"
    print(f"{len(faults)} fault{plural}" if faults else "no fault found", flush=True)
    return bool(faults)
