"""Tables and text of the results of `pose3d.evaluation.evaluate.evaluate_poses`."""

import numpy as np

from pose3d.io.tables import Table
from pose3d.skeleton import JOINTS

# With more recordings than this, their figures are in results.json only.
SHOWN_RECORDINGS = 40

_PROPERTIES = ("action", "subject", "take", "camera")
# Columns, and their keys in the figures of `pose3d.evaluation.evaluate.Errors`.
_FIGURES = {
    "MPJPE mm": "mpjpe_mm",
    "median": "median_mm",
    "sd": "sd_mm",
    "95th %ile": "p95_mm",
    "N-MPJPE": "n_mpjpe_mm",
    "P-MPJPE": "p_mpjpe_mm",
    "MPJVE": "mpjve_mm_per_frame",
    "accel.": "acceleration_error_mm_per_frame2",
    "PCK %": "pck_150mm_percent",
    "AUC %": "auc_150mm_percent",
}

_BASELINES = {
    "mean_pose": "MPJPE of always predicting the mean training pose",
    "nearest_image": "MPJPE of the nearest training image's pose",
}


def tables(results):
    """All tables of the results of `evaluate_poses`, as far as they have what a table shows: list of Table.

    They may also hold "detection", "perturbed_mpjpe_mm" and "runs".
    """
    found = [joint_table(results)]
    if 1 < len(results["by_recording"]) <= SHOWN_RECORDINGS:
        found.append(_group_table("By recording", results, results["by_recording"]))
    for name in _PROPERTIES:
        if len(rows := results.get(f"by_{name}", [])) > 1:
            found.append(_group_table(f"By {name}", results, rows))
    more = {"detection": detection_table, "perturbed_mpjpe_mm": perturbed_table, "runs": runs_table}
    found += [table(results[key]) for key, table in more.items() if key in results]
    return [*found, summary_table(results)]


def text(results):
    """All tables, and the lines below them: str; `results` may also hold a "note"."""
    return "\n\n".join([*map(str, tables(results)), "\n".join(_lines(results))])


def figures(results):
    """Headline figures: dict of name to (value, what it means), all str."""
    whole = results["over_frames"]
    found = {
        "MPJPE, 17 joints": (f"{results['mpjpe_mm']:.1f} mm", "mean distance of the joints, root-aligned"),
        "16 joints": (f"{results['mpjpe_16_joints_mm']:.1f} mm", "MPJPE without the pelvis, which is zero"),
        "P-MPJPE": (f"{whole['p_mpjpe_mm']:.1f} mm", "after the best rotation, scaling and translation"),
        "N-MPJPE": (f"{whole['n_mpjpe_mm']:.1f} mm", "after the best scaling"),
        "PCK at 150 mm": (f"{whole['pck_150mm_percent']:.1f} %", "share of joints off by 150 mm at most"),
        "AUC": (f"{whole['auc_150mm_percent']:.1f} %", "mean PCK over thresholds from 0 to 150 mm"),
    }
    if whole["mpjve_mm_per_frame"] is not None:
        found["MPJVE"] = (
            f"{whole['mpjve_mm_per_frame']:.1f} mm per frame",
            "error of the joints' velocities",
        )
    for name in results["baselines"]:
        found[_words(name)] = (f"{results[f'{name}_mpjpe_mm']:.1f} mm", _BASELINES[name])
    if "detection" in results:
        found["detection, F1"] = (f"{results['detection']['f1']:.3f}", "of windows, mean over the joints")
    return found | {
        "runs of equal predictions": (
            f"{results['mean_constant_run']:.2f}",
            "frames in a row with one pose; 1 is sound, the report had 12",
        ),
        "frames": (str(results["frames"]), "tested, of all cameras"),
    }


def headline(results):
    """MPJPE in one line: str."""
    beside = (
        f"mean pose {results['mean_pose_mpjpe_mm']:.2f} mm"
        if "mean_pose" in results["baselines"]
        else f"as it stands {results['mpjpe_as_it_stands_mm']:.2f} mm"
    )
    on = f" on {', '.join(results['subjects'])}" if results["subjects"] else ""
    return f"MPJPE {results['mpjpe_mm']:.2f} mm ({beside}){on}, {results['frames']} frames"


def _lines(results):
    if "note" in results:
        yield f"note: {results['note']}"
    yield f"without the pelvis (16 joints): {results['mpjpe_16_joints_mm']:.2f} mm"
    yield (
        f"bone lengths: mean error {results['bone_length_error_mm']:.1f} mm, "
        f"sd within a subject {results['bone_length_sd_mm']:.1f} mm"
    )
    yield (
        f"runs of equal predictions: mean {results['mean_constant_run']:.2f}, "
        f"longest {results['longest_constant_run']}"
    )
    if results["spread_ratio"] is not None:
        yield f"spread of predictions / spread of ground truth: {results['spread_ratio']:.2f}"


def joint_table(results):
    """Errors by joint and over all 17: Table."""
    shown = ("MPJPE mm", "median", "sd", "95th %ile", "N-MPJPE", "P-MPJPE", "PCK %", "AUC %")
    rows = [*results["by_joint"], {"joint": "all", **results["over_frames"]}]
    return _table("By joint", results, ["joint"], shown, rows)


def summary_table(results):
    """All figures over frames and over actions, and those of the baselines: Table."""
    rows = [{"": "over frames", **results["over_frames"]}]
    if results["over_actions"]:
        rows.append({"": f"over actions ({results['over_actions']['actions']})", **results["over_actions"]})
    for name, figures in results["baselines"].items():
        rows.append({"": f"{_words(name)}, over frames", **figures})
    return _table("Over all", results | {"baselines": {}}, [""], tuple(_FIGURES), rows)


def detection_table(detection):
    """F1 and average precision by joint, and their means: Table of the dict of `detection_scores`."""
    rows = [[joint, detection[f"f1 {joint}"], detection[f"ap {joint}"]] for joint in JOINTS]
    rows.append(["mean", detection["f1"], detection["ap"]])
    return Table("Detection, by joint", ["joint", "F1", "AP"], rows, decimals=3)


def perturbed_table(errors):
    """MPJPE with worse boxes and masks, and its increase: Table of the dict of `perturbed_errors`."""
    true = next(iter(errors.values()))
    rows = [[name, value, value - true] for name, value in errors.items()]
    return Table("With worse boxes and masks", ["box and mask", "MPJPE mm", "more by"], rows)


def runs_table(runs):
    """Figures of several runs (by folder, those of `Errors`), their median and range: Table."""
    shown = ("MPJPE mm", "median", "95th %ile", "P-MPJPE", "MPJVE", "PCK %")
    figures = [[found[_FIGURES[name]] for name in shown] for found in runs.values()]
    rows = [[run, *values] for run, values in zip(runs, figures, strict=True)]
    for name, summarise in (("median", np.median), ("lowest", np.min), ("highest", np.max)):
        rows.append([name, *(float(summarise(column)) for column in zip(*figures, strict=True))])
    return Table("Runs side by side", ["run", *shown], rows)


def _group_table(title, results, rows):
    names = [name for name in _PROPERTIES if name in rows[0]]
    rows = [row | {name: str(row[name]) for name in names} for row in rows]
    shown = ("MPJPE mm", "median", "95th %ile", "P-MPJPE", "MPJVE", "PCK %")
    rows.append({names[0]: "all", **results["over_frames"]})
    return _table(title, results, [*names, "frames"], shown, rows)


def _table(title, results, labels, shown, rows):
    """A table of figures, its last columns the MPJPE of the baselines."""
    columns = {**{name: name for name in labels}, **{name: _FIGURES[name] for name in shown}}
    columns |= {_words(name): f"{name}_mpjpe_mm" for name in results["baselines"]}
    return Table(title, list(columns), [[row.get(key) for key in columns.values()] for row in rows])


def _words(name):
    return name.replace("_", " ")
