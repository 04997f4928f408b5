"""What came out of an experiment's runs: tables, a CSV file, curves."""

import json
import statistics

from matplotlib.ticker import MaxNLocator

from pose3d.io.atomic_files import whole
from pose3d.io.tables import text_table, write_table
from pose3d.report.plots import drawing

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

# What a table shows of `outcome`, and with how many decimals.
COLUMNS = {
    "validation_mpjpe_mm": ("validation mm", 1),
    "test_mpjpe_mm": ("test mm", 1),
    "train_mpjpe_mm": ("train mm", 1),
    "best_epoch": ("best epoch", 0),
    "mean_constant_run": ("equal run", 2),
    "minutes": ("minutes", 1),
}


def outcome(run):
    """The figures of one complete run, by column of the CSV file.

    Those of the test are of the best epoch's weights; of a run that is looked at before its end they are
    in its learning curve.
    """
    best = min(run.rows, key=lambda row: row["validation_mpjpe_mm"])
    if run.until:
        tested = {"mpjpe_mm": best["test_mpjpe_mm"]}
    else:
        tested = json.loads(run.training.results.read_text(encoding="utf-8"))
    return {
        "validation_mpjpe_mm": best["validation_mpjpe_mm"],
        "test_mpjpe_mm": tested["mpjpe_mm"],
        "train_mpjpe_mm": best["train_mpjpe_mm"],
        "best_epoch": best["epoch"],
        "epochs": run.rows[-1]["epoch"],
        "mean_constant_run": tested.get("mean_constant_run"),
        "minutes": run.minutes,
        "mean_pose_mpjpe_mm": tested.get("mean_pose_mpjpe_mm"),
        "run": str(run.training.folder),
    }


def fold_outcome(run):
    """The figures of one fold with one seed: those of the last epoch, since a fold may choose nothing."""
    last = run.rows[-1]
    return {
        "validation_mpjpe_mm": last["validation_mpjpe_mm"],
        "train_mpjpe_mm": last["train_mpjpe_mm"],
        "epochs": last["epoch"],
        "minutes": run.minutes,
        "run": str(run.training.folder),
    }


def summary(outcomes):
    """The median, and the range in brackets, over the seeds of each variant that were run to the end."""
    rows = []
    for name, found in outcomes.items():
        cells = [
            _spread([each[key] for each in found.values()], decimals)
            for key, (_, decimals) in COLUMNS.items()
        ]
        rows.append([name, str(len(found)), *cells])
    return text_table(["variant", "runs", *(title for title, _ in COLUMNS.values())], rows)


def fold_summary(outcomes):
    """The MPJPE on each fold, and the gain over the first variant with the same fold and seed.

    Parameters
    ----------
    outcomes : dict from variant to dict from (fold, seed) to `fold_outcome`
    """
    first = next(iter(outcomes.values()))
    folds = list(dict.fromkeys(fold for found in outcomes.values() for fold, _ in found))
    rows = []
    for name, found in outcomes.items():
        errors = {key: each["validation_mpjpe_mm"] for key, each in found.items()}
        gains = [first[key]["validation_mpjpe_mm"] - error for key, error in errors.items() if key in first]
        rows.append(
            [
                name,
                str(len(found)),
                *(_spread([e for (f, _), e in errors.items() if f == fold], 1) for fold in folds),
                _spread(list(errors.values()), 1, bare=True),
                _spread(gains, 1),
                f"{sum(gain > 0 for gain in gains)}/{len(gains)}",
                _spread([each["train_mpjpe_mm"] for each in found.values()], 1, bare=True),
                _spread([each["minutes"] for each in found.values()], 1, bare=True),
            ]
        )
    titles = ("variant", "runs", *folds, "all", "gain", "better", "train", "minutes")
    return text_table(titles, rows)


def _spread(values, decimals, bare=False):
    """The median and the range of numbers, or the median alone."""
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    low, middle, high = (f"{f(values):.{decimals}f}" for f in (min, statistics.median, max))
    return middle if bare or low == high else f"{middle} ({low}-{high})"


def style(number):
    """Color and dashes of a curve; both repeat, but not together."""
    color = STYLES[number % len(STYLES)]["color"]
    return {"color": color, "linestyle": STYLES[(number + number // len(STYLES)) % len(STYLES)]["linestyle"]}


@drawing.own_style
def curves(path, title, runs):
    """Validation curves: the median over the seeds, their range as a band; without the untrained network.

    Many variants have their names beside the curves, and no bands, which would cover each other.
    """
    many = len(runs) > len(STYLES)
    figure = drawing.new_figure(9 if many else 6.4, 5 if many else 4)
    axes = figure.add_subplot()
    for i, (name, found) in enumerate(runs.items()):
        epochs = {}
        for row in (row for run in found for row in run.rows[1:]):
            epochs.setdefault(row["epoch"], []).append(row["validation_mpjpe_mm"])
        if not epochs:
            continue
        medians = [statistics.median(values) for values in epochs.values()]
        axes.plot(list(epochs), medians, label=name, **style(i))
        if not many:
            low, high = ([f(values) for values in epochs.values()] for f in (min, max))
            axes.fill_between(list(epochs), low, high, color=style(i)["color"], alpha=0.15, linewidth=0)
    axes.set(xlabel="epoch", ylabel="MPJPE on validation (mm)", title=title, yscale="log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.yaxis.set_minor_formatter("{x:.0f}")
    axes.grid(alpha=0.3, which="both")
    if many:
        figure.legend(loc="outside right center")
    else:
        axes.legend()
    drawing.save(figure, path)


def write_csv(path, outcomes):
    """The figures of every run, one row each.

    Parameters
    ----------
    path : Path
    outcomes : dict from variant to dict from (fold, seed) to `outcome` or `fold_outcome`
    """
    rows = [
        {"variant": name, "fold": fold, "seed": seed, **each}
        for name, found in outcomes.items()
        for (fold, seed), each in found.items()
    ]
    with whole(path) as temporary:
        write_table(temporary, rows[0], ([row.get(name) for name in rows[0]] for row in rows))
