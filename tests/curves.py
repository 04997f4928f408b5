"""Learning curves of runs that are compared."""

import csv

TIMES = ("seconds", "images_per_s")


def without_times(folder):
    """The learning curve of a run folder, without its times: list of dicts of str to str."""
    with (folder / "curve.csv").open(newline="", encoding="utf-8") as file:
        return [
            {key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)
        ]
