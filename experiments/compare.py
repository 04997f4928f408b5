"""Train and test variants of the settings, each with several seeds: a table, a CSV file and curves.

    python experiments/compare.py experiments/momentum.toml

An experiment is a TOML file: [common] holds what its variants share, [variants.NAME] what one has of
its own, both by section, as in a file for --config, and beside the sections

    init = "detection"     pre-train a detection network with the same seed; else start at random
    repeat = 12            let every image stay for 12 frames, as in the original's data
    monitor_test = true    score the unseen subject after every epoch, too

A run's folder in --out is named after all that decides its result, so that experiments share runs;
what is complete is not run again, what was stopped goes on.
"""

import argparse
import concurrent.futures
import csv
import json
import statistics
import sys
from pathlib import Path

from matplotlib.ticker import MaxNLocator
from repeat_frames import repeat, repeated_folder
from trainings import read_experiment, regression_training, test, train

from pose3d.errors import UserError, command
from pose3d.io.atomic_files import whole
from pose3d.io.cpu import cores
from pose3d.io.tables import text_table
from pose3d.report import drawing

# Told apart by dashes too, for those who see or print no colour.
STYLES = (
    {"color": "#0072B2", "linestyle": "-"},
    {"color": "#D55E00", "linestyle": "--"},
    {"color": "#009E73", "linestyle": "-."},
    {"color": "#CC79A7", "linestyle": ":"},
    {"color": "#000000", "linestyle": (0, (5, 1))},
    {"color": "#E69F00", "linestyle": (0, (1, 3))},
    {"color": "#56B4E9", "linestyle": (0, (7, 2, 1, 2))},
)


def in_turn(function, trainings, jobs):
    """Call ``function(training, threads)`` for all trainings, `jobs` at a time; dict of what it returned."""
    trainings, found = list(dict.fromkeys(trainings)), {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(function, each, max(1, cores() // jobs)): each for each in trainings}
        try:
            for future in concurrent.futures.as_completed(waiting):
                each = waiting[future]
                found[each] = future.result()
                outcome = found[each] or "done"
                print(
                    f"{len(found)}/{len(trainings)} {function.__name__} {each.folder}: {outcome}", flush=True
                )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # those at work end with a checkpoint
            raise
    return found


def outcome(training):
    """The figures of one complete run, by column of the CSV file."""
    found, tested = training.checkpoint, json.loads(training.results.read_text())
    best = found.progress.best
    return {
        "validation_mpjpe_mm": best["validation_mpjpe_mm"],
        "test_mpjpe_mm": tested["mpjpe_mm"],
        "train_mpjpe_mm": best["train_mpjpe_mm"],
        "best_epoch": best["epoch"],
        "epochs": found.rows[-1]["epoch"],
        "mean_constant_run": tested["mean_constant_run"],
        "minutes": sum(row["seconds"] for row in found.rows) / 60,
        "mean_pose_mpjpe_mm": tested["mean_pose_mpjpe_mm"],
        "run": str(training.folder),
    }


# What the table shows of them, and with how many decimals.
COLUMNS = {
    "validation_mpjpe_mm": ("validation mm", 1),
    "test_mpjpe_mm": ("test mm", 1),
    "train_mpjpe_mm": ("train mm", 1),
    "best_epoch": ("best epoch", 0),
    "mean_constant_run": ("equal run", 2),
    "minutes": ("minutes", 1),
}


def summary(outcomes):
    """The median, and the range in brackets, over the seeds of each variant that were run to the end."""
    rows = []
    for name, found in outcomes.items():
        cells = [_spread([each[key] for each in found], decimals) for key, (_, decimals) in COLUMNS.items()]
        rows.append([name, str(len(found)), *cells])
    return text_table(["variant", "runs", *(title for title, _ in COLUMNS.values())], rows)


def _spread(values, decimals):
    if not values:
        return "-"
    low, middle, high = (f"{f(values):.{decimals}f}" for f in (min, statistics.median, max))
    return middle if low == high else f"{middle} ({low}-{high})"


@drawing.own_style
def curves(path, title, trainings):
    """Validation curves: the median over the seeds, their range as a band; without the untrained network."""
    figure = drawing.new_figure(6.4, 4)
    axes = figure.add_subplot()
    for i, (name, runs) in enumerate(trainings.items()):
        epochs = {}
        for row in (row for run in runs for row in run.checkpoint.rows[1:]):
            epochs.setdefault(row["epoch"], []).append(row["validation_mpjpe_mm"])
        if not epochs:
            continue
        style = STYLES[i % len(STYLES)]
        axes.plot(
            list(epochs), [statistics.median(values) for values in epochs.values()], label=name, **style
        )
        low, high = ([f(values) for values in epochs.values()] for f in (min, max))
        axes.fill_between(list(epochs), low, high, color=style["color"], alpha=0.15, linewidth=0)
    axes.set(xlabel="epoch", ylabel="MPJPE on validation (mm)", title=title, yscale="log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.yaxis.set_minor_formatter("{x:.0f}")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    drawing.save(figure, path)


def write_csv(path, outcomes):
    """The figures of every run, one row each."""
    rows = [{"variant": name, **each} for name, found in outcomes.items() for each in found]
    with whole(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def compare(name, title, trainings, jobs):
    """Run all trainings of an experiment, and write its table, CSV file and curves.

    Parameters
    ----------
    name : Path, the files' without suffix
    title : str
    trainings : dict from variants' names to lists of Training
    jobs : int, trainings at a time

    Raises
    ------
    UserError
        if a detection network could not be trained, a test failed, or no run came to its end
    """
    regressions = [each for runs in trainings.values() for each in runs]
    _all_well(in_turn(train, [each.init for each in regressions if each.init], jobs))
    ended = in_turn(train, regressions, jobs)  # one that diverges is a result, too
    complete = {variant: [e for e in runs if ended[e] is None] for variant, runs in trainings.items()}
    if not any(complete.values()):
        raise UserError(f"no run came to its end: {next(iter(ended.values()))}")
    _all_well(in_turn(test, [each for runs in complete.values() for each in runs], jobs))
    outcomes = {variant: [outcome(each) for each in runs] for variant, runs in complete.items()}
    write_csv(name.with_suffix(".csv"), outcomes)
    curves(name.with_suffix(".png"), title, complete)
    text = f"{title}\n\n{summary(outcomes)}\n"
    for variant, runs in trainings.items():
        for seed, each in enumerate(runs, 1):
            if ended[each]:
                text += f"\n{variant}, run {seed} of {len(runs)}: {ended[each]}"
    with whole(name.with_suffix(".txt")) as temporary:
        temporary.write_text(text + "\n")
    print(text)


def _all_well(ended):
    for training, error in ended.items():
        if error:
            raise UserError(f"{training.folder}: {error}")


@command
def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("experiment", type=Path, help="TOML file")
    parser.add_argument("--data", type=Path, default=Path("data/walking"), help="folder of the built files")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/experiments"), help="folder of runs and tables"
    )
    parser.add_argument("--seeds", type=int, nargs="+", help="in place of the experiment's own")
    parser.add_argument(
        "--jobs", type=int, default=cores(), help="trainings at a time, which share the cores evenly"
    )
    arguments = parser.parse_args(argv)
    title, seeds, variants = read_experiment(arguments.experiment)
    trainings = {
        name: [
            regression_training(v, seed, arguments.data, arguments.out) for seed in arguments.seeds or seeds
        ]
        for name, v in variants.items()
    }
    for times in {v["repeat"] for v in variants.values() if v.get("repeat")}:
        repeat(arguments.data, repeated_folder(arguments.data, times), times)
    compare(arguments.out / arguments.experiment.stem, title, trainings, max(1, arguments.jobs))


if __name__ == "__main__":
    sys.exit(main())
