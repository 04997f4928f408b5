"""Plain-text tables."""

import numpy as np

from pose3d.skeleton import JOINTS


def text_table(columns, rows, decimals=1):
    """Lay out a table: text to the left, numbers to the right.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequences of str, int, float or None (an empty cell)
    decimals : int, of the floats

    Returns
    -------
    str of one line for the columns, one for a rule, and one for each row
    """
    cells = [[_cell(value, decimals) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    numeric = [not any(isinstance(row[i], str) for row in rows) for i in range(len(columns))]

    def line(row):
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(columns), "  ".join("-" * width for width in widths), *map(line, cells)])


def _cell(value, decimals):
    if value is None:
        return ""
    return f"{value:.{decimals}f}" if isinstance(value, float | np.floating) else str(value)


def joint_table(errors, baseline):
    """Errors by joint, and over all 17.

    Parameters
    ----------
    errors, baseline : (N, 17) arrays, mm
        of the network and of the mean pose, as `pose3d.metrics.joint_errors` gives them

    Returns
    -------
    str
    """
    rows = [[name, *_summary(errors[:, j]), float(np.mean(baseline[:, j]))] for j, name in enumerate(JOINTS)]
    rows.append(["all", *_summary(errors), float(np.mean(baseline))])
    return text_table(["joint", *_SUMMARY, "mean pose"], rows)


def group_table(errors, baseline, **groups):
    """Errors by the combinations that occur of some properties, and over all samples.

    Parameters
    ----------
    errors, baseline : (N, 17) arrays, mm, as in `joint_table`
    **groups : (N,) arrays, such as ``take=data.take[test], camera=data.camera[test]``

    Returns
    -------
    str, the rows in the order of the properties' values
    """
    keys = list(zip(*(np.asarray(values).tolist() for values in groups.values()), strict=True))
    rows = []
    for key in sorted(set(keys)):
        chosen = np.array([other == key for other in keys])
        shown = [str(value) for value in key]
        rows.append([*shown, int(chosen.sum()), *_summary(errors[chosen]), float(np.mean(baseline[chosen]))])
    everything = ["all"] + [None] * (len(groups) - 1)
    rows.append([*everything, len(errors), *_summary(errors), float(np.mean(baseline))])
    return text_table([*groups, "frames", *_SUMMARY, "mean pose"], rows)


_SUMMARY = ("MPJPE mm", "median", "95th %ile")


def _summary(errors):
    """Mean over joints and samples, and the median and 95th percentile of the samples' errors."""
    per_sample = errors if errors.ndim == 1 else errors.mean(axis=1)
    return [float(np.mean(errors)), float(np.median(per_sample)), float(np.percentile(per_sample, 95))]
