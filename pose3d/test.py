"""Test a regression network on the unseen subject: MPJPE of Eq. (9), over all frames."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d import metrics, regression
from pose3d.errors import command
from pose3d.files import whole
from pose3d.preparing import open_data
from pose3d.report import figures, tables
from pose3d.skeleton import JOINTS, N_JOINTS
from pose3d.splits import minibatches
from pose3d.training import EVALUATION_BATCH

# Predictions whose joints all lie this close count as equal: the report's piecewise constancy.
EQUAL_MM = 0.01


def predict(graph, data, indices):
    """Poses of samples: (n, 17, 3) pelvis-relative mm."""
    parts = []
    batches = list(minibatches(indices, EVALUATION_BATCH))
    for batch in tqdm(batches, unit=" batches", leave=False, disable=None):
        parts.append(graph.predict(data.images(batch)))
    return np.concatenate(parts).reshape(-1, N_JOINTS, 3)


def constant_runs(data, indices, predictions):
    """Lengths of the runs of equal predictions, within every take and camera."""
    keys = list(
        zip(
            *(getattr(data, n)[indices].tolist() for n in ("action", "subject", "take", "camera")),
            strict=True,
        )
    )
    runs = []
    for key in dict.fromkeys(keys):
        chosen = np.array([other == key for other in keys])
        runs.extend(metrics.constant_runs(predictions[chosen], EQUAL_MM))
    return np.array(runs)


def judge(data, indices, predictions, mean_pose):
    """The figures of `results.json`, and the errors they come from: (n, 17) mm, network and mean pose."""
    truths = data.poses[indices]
    errors = metrics.joint_errors(predictions, truths)
    baseline = metrics.joint_errors(np.broadcast_to(mean_pose, truths.shape), truths)
    runs = constant_runs(data, indices, predictions)
    results = {
        "mpjpe_mm": float(errors.mean()),
        "mpjpe_16_joints_mm": float(errors.mean() * N_JOINTS / (N_JOINTS - 1)),
        "mean_pose_mpjpe_mm": float(baseline.mean()),
        "frames": len(indices),
        "subjects": sorted(set(data.subject[indices].tolist())),
        "mean_constant_run": float(runs.mean()),
        "longest_constant_run": int(runs.max()),
        "spread_ratio": metrics.spread_ratio(predictions, truths),
        "per_joint_mm": dict(zip(JOINTS, errors.mean(axis=0).tolist(), strict=True)),
    }
    return results, errors, baseline


def draw(path, data, indices, predictions, errors):
    """The report's figure 6: the best frame, the median, the worst."""
    order = np.argsort(errors.mean(axis=1), kind="stable")
    shown = order[[0, len(order) // 2, -1]]
    titles = [
        f"{name}: {errors[i].mean():.1f} mm\n{data.subject[n]} take {data.take[n]} "
        f"camera {data.camera[n]} frame {data.frame[n]}"
        for name, i, n in zip(("best", "median", "worst"), shown, indices[shown], strict=True)
    ]
    images = data.images(indices[shown], keep=False)
    figures.poses_figure(path, images, predictions[shown], data.poses[indices[shown]], titles)


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.test",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--data", default="data/walking", help="folder of the built files")
    parser.add_argument(
        "--weights", default="runs/regression", help="run folder (its best epoch) or weights file"
    )
    parser.add_argument(
        "--out", default="runs/test", help="folder for results.json, predictions.npz, poses.png"
    )
    return parser.parse_args(argv)


@command
def main(argv=None):
    arguments = parse(argv)
    graph = regression.from_weights(arguments.weights)
    data, chosen = open_data(arguments.data, graph.config.data, needs_test=True)
    predictions = predict(graph, data, chosen.test)
    mean_pose = data.mean_pose(chosen.train)
    results, errors, baseline = judge(data, chosen.test, predictions, mean_pose)
    out = Path(arguments.out)
    with whole(out / "results.json") as temporary:
        temporary.write_text(json.dumps(results | {"weights": str(arguments.weights)}, indent=1))
    keys = {
        name: getattr(data, name)[chosen.test] for name in ("action", "subject", "take", "camera", "frame")
    }
    with whole(out / "predictions.npz") as temporary:
        np.savez(
            temporary, predictions_mm=predictions, truths_mm=data.poses[chosen.test], joints=JOINTS, **keys
        )
    draw(out / "poses.png", data, chosen.test, predictions, errors)
    print(tables.joint_table(errors, baseline), end="\n\n")
    groups = {name: keys[name] for name in ("action", "subject", "take", "camera")}
    print(tables.group_table(errors, baseline, **groups), end="\n\n")
    print(
        f"without the pelvis (16 joints): {results['mpjpe_16_joints_mm']:.2f} mm\n"
        f"runs of equal predictions: mean {results['mean_constant_run']:.2f}, "
        f"longest {results['longest_constant_run']}\n"
        f"spread of predictions over spread of truth: {results['spread_ratio']:.2f}\n"
        f"results.json, predictions.npz and poses.png are in {out}"
    )
    print(
        f"MPJPE {results['mpjpe_mm']:.2f} mm (mean pose {results['mean_pose_mpjpe_mm']:.2f} mm) "
        f"on {', '.join(results['subjects'])}, {results['frames']} frames"
    )


if __name__ == "__main__":
    sys.exit(main())
