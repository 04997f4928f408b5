"""What a training run says of an epoch: scores, speed, expected end, and layers in trouble."""

import time

MUCH_SATURATED = 0.5  # share of a layer's values from which a warning is worth a line


def epoch_lines(row, objective, is_best, epochs):
    """Yield an epoch's line, then one for each layer in trouble.

    Parameters
    ----------
    row : dict, the epoch's row of the curve
    objective : str, the score that stands in the line, after each set's name
    is_best : bool, whether no epoch was better
    epochs : int, after which the run ends
    """
    yield _scores(row, objective) + ("  best" if is_best else "") + _outlook(row, epochs)
    for key, share in row.items():
        kind, _, layer = key.partition(" ")
        if kind == "saturated" and share > MUCH_SATURATED:
            yield f"{layer}: {100 * share:.0f} % saturated (|tanh| > 0.99): lower training.rate"
        elif key == "constant fc3" and share > 0.5:
            yield f"{100 * share:.0f} % of the outputs are the same for all images: collapsed"


def _scores(row, objective):
    parts = [f"epoch {row['epoch']:3d}"]
    if row["cost"] is not None:
        parts.append(f"cost {row['cost']:.4g}")
    for kind in ("train", "validation", "test"):
        if f"{kind}_{objective}" in row:
            parts.append(f"{kind} {objective} {row[f'{kind}_{objective}']:.4g}")
    return "  ".join(parts) + f"  {row['seconds']:.1f} s"


def _outlook(row, epochs):
    """Speed and expected end, for an epoch that trained."""
    if not row["epoch"]:
        return ""
    speed, left = f"  {row['images_per_s']:.0f} images/s", (epochs - row["epoch"]) * row["seconds"]
    if not left:
        return speed
    return speed + time.strftime(
        f", {_duration(left)} left, until %a %H:%M", time.localtime(time.time() + left)
    )


def _duration(seconds):
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"
