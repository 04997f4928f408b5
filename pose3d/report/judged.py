"""What `pose3d.judgement.judge` found, as text."""

from pose3d.report.tables import text_table
from pose3d.skeleton import JOINTS

# More recordings than this are for results.json alone, not for the eye.
SHOWN_RECORDINGS = 40

# Columns and what they show of the figures of `pose3d.judgement.Errors`.
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


def tables(results):
    """All tables and the lines beneath them: str.

    Parameters
    ----------
    results : dict of `pose3d.judgement.judge`, perhaps with "detection" and "note"
    """
    blocks = [joint_table(results)]
    if 1 < len(results["by_recording"]) <= SHOWN_RECORDINGS:
        blocks.append(recording_table(results))
    blocks += property_tables(results)
    if "detection" in results:
        blocks.append(detection_table(results["detection"]))
    blocks += [summary_table(results), "\n".join(_lines(results))]
    return "\n\n".join(blocks)


def headline(results):
    """The MPJPE in one line: str."""
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
        yield f"spread of predictions over spread of truth: {results['spread_ratio']:.2f}"


def joint_table(results):
    """What `pose3d.judgement.judge` found, by joint and over all 17: str."""
    shown = ("MPJPE mm", "median", "sd", "95th %ile", "N-MPJPE", "P-MPJPE", "PCK %", "AUC %")
    rows = [*results["by_joint"], {"joint": "all", **results["over_frames"]}]
    return _table(results, ["joint"], shown, rows)


def recording_table(results):
    """The same by action, subject, take and camera, and over all frames: str."""
    return _group_table(results, results["by_recording"])


def property_tables(results):
    """The same by each of action, subject, take and camera that has several values: list of str."""
    names = ("action", "subject", "take", "camera")
    groups = [results.get(f"by_{name}", []) for name in names]
    return [_group_table(results, rows) for rows in groups if len(rows) > 1]


def summary_table(results):
    """All figures over all frames and, named, the mean of the actions' figures; the baselines': str."""
    rows = [{"": "over frames", **results["over_frames"]}]
    if results["over_actions"]:
        rows.append({"": f"over actions ({results['over_actions']['actions']})", **results["over_actions"]})
    for name, figures in results["baselines"].items():
        rows.append({"": f"{_spoken(name)}, over frames", **figures})
    return _table(results | {"baselines": {}}, [""], tuple(_FIGURES), rows)


def detection_table(detection):
    """F1 and average precision by joint, and their mean.

    Parameters
    ----------
    detection : dict of `pose3d.metrics.detection_scores`
    """
    rows = [[joint, detection[f"f1 {joint}"], detection[f"ap {joint}"]] for joint in JOINTS]
    return text_table(["joint", "F1", "AP"], [*rows, ["mean", detection["f1"], detection["ap"]]], decimals=3)


def _group_table(results, rows):
    names = [name for name in ("action", "subject", "take", "camera") if name in rows[0]]
    rows = [row | {name: str(row[name]) for name in names} for row in rows]
    shown = ("MPJPE mm", "median", "95th %ile", "P-MPJPE", "MPJVE", "PCK %")
    return _table(results, [*names, "frames"], shown, [*rows, {names[0]: "all", **results["over_frames"]}])


def _table(results, labels, shown, rows):
    """Rows of figures, and after them what the baselines' MPJPE is."""
    columns = {**{name: name for name in labels}, **{name: _FIGURES[name] for name in shown}}
    columns |= {_spoken(name): f"{name}_mpjpe_mm" for name in results["baselines"]}
    return text_table(list(columns), [[row.get(key) for key in columns.values()] for row in rows])


def _spoken(name):
    return name.replace("_", " ")
