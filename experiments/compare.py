"""Train and test variants of the settings, each with several seeds: a table, a CSV file and curves.

    python experiments/compare.py experiments/pretraining_seeds.toml

An experiment is a TOML file: [common] holds what its variants share, [variants.NAME] what one has of
its own, both by section, as in a file for --config, and beside the sections

    config = "people.toml" a file of settings beside the experiment, to begin with
    init = "detection"     pre-train a detection network with the same seed; else start at random
    monitor_test = true    score the unseen subject after every epoch, too
    until = 20             look at a run only as far as this epoch; needs monitor_test, unless there are folds

`folds = ["S1", "S7"]` beside the title cross-validates: these subjects validate in turn, each with all
seeds, the others train, and the unseen subject of the test is not looked at. A table of folds gives the
error after the last epoch, on the subject that did not train.

A run's folder in --out is named after all that decides its result, so that experiments share runs;
what is complete is not run again, what was stopped goes on.
"""

import argparse
import concurrent.futures
import itertools
import sys
from pathlib import Path

from outcomes import curves, fold_outcome, fold_summary, outcome, summary, write_csv
from trainings import read_experiment, regression_run, test, train

from pose3d.errors import UserError, command
from pose3d.io.atomic_files import whole
from pose3d.io.resources import cores


def in_turn(function, trainings, jobs):
    """Call ``function(training, threads)`` for all trainings, `jobs` at a time; dict of what it returned.

    A training waits for the one that it starts from, if that comes before it, and is skipped if that fails.
    """
    futures, found, threads = {}, {}, max(1, cores() // jobs)

    def call(each):
        before = futures.get(each.init)
        error = before and before.result()
        return f"{each.init.folder}: {error}" if error else function(each, threads)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for each in dict.fromkeys(trainings):
            futures[each] = pool.submit(call, each)
        waiting = {future: each for each, future in futures.items()}
        try:
            for future in concurrent.futures.as_completed(waiting):
                each = waiting[future]
                found[each] = future.result()
                outcome = found[each] or "done"
                print(f"{len(found)}/{len(futures)} {function.__name__} {each.folder}: {outcome}", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # those at work end with a checkpoint
            raise
    return found


def compare(name, experiment, runs, jobs):
    """Run all trainings of an experiment, and write its table, CSV file and curves.

    With folds nothing is tested on the unseen subject.

    Parameters
    ----------
    name : Path, the files' without suffix
    experiment : trainings.Experiment
    runs : dict from variants' names to dicts from (fold, seed) to Run
    jobs : int, trainings at a time

    Raises
    ------
    UserError
        if a detection network could not be trained, a test failed, or no run came to its end
    """
    regressions = [each.training for found in runs.values() for each in found.values()]
    inits = [each.init for each in regressions if each.init]
    ended = in_turn(train, [*inits, *regressions], jobs)
    _all_well({each: ended[each] for each in inits})  # a regression that diverges is a result
    complete = {
        variant: {key: run for key, run in found.items() if ended[run.training] is None}
        for variant, found in runs.items()
    }
    if not any(complete.values()):
        raise UserError(f"no run came to its end: {next(iter(ended.values()))}")
    if experiment.folds:
        figures, table = fold_outcome, fold_summary
    else:
        figures, table = outcome, summary
        tested = [run.training for found in complete.values() for run in found.values() if not run.until]
        _all_well(in_turn(test, tested, jobs))
    outcomes = {
        variant: {key: figures(run) for key, run in found.items()} for variant, found in complete.items()
    }
    write_csv(name.with_suffix(".csv"), outcomes)
    curves(name.with_suffix(".png"), experiment.title, {v: found.values() for v, found in complete.items()})
    text = f"{experiment.title}\n\n{table(outcomes)}\n"
    for variant, found in runs.items():
        for (fold, seed), run in found.items():
            if ended[run.training]:
                place = f"{fold}, seed {seed}" if fold else f"seed {seed}"
                text += f"\n{variant}, {place}: {ended[run.training]}"
    with whole(name.with_suffix(".txt")) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
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
    experiment = read_experiment(arguments.experiment)
    keys = list(itertools.product(experiment.folds or [None], arguments.seeds or experiment.seeds))
    runs = {
        name: {
            (fold, seed): regression_run(v, seed, arguments.data, arguments.out, fold) for fold, seed in keys
        }
        for name, v in experiment.variants.items()
    }
    compare(arguments.out / arguments.experiment.stem, experiment, runs, max(1, arguments.jobs))


if __name__ == "__main__":
    sys.exit(main())
