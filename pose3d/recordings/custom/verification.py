"""Check custom recordings without building: their tables, and a sample of images, boxes and masks."""

import numpy as np

from pose3d.errors import UserError
from pose3d.recordings.custom.reader import CustomReader
from pose3d.recordings.observation import share_inside

COLUMNS = ("subject", "action", "take", "camera", "rows", "in box %", "in mask %", "verdict")
SAMPLES = 10  # rows of a recording, evenly spread
# Of the 2D joints; a person may be half hidden, and masks hold what is seen.
LEAST_PERCENT = 50
REACH = 0.005  # distance that counts as near the mask, as a share of the image's width


def verify_recordings(recordings):
    """Read the table and a sample of each `CustomRecording`; videos are decoded.

    Returns lists of rows as in `COLUMNS`, None where there is nothing to check, and of notes and faults, str.
    """
    rows, notes, faults = [], [], []
    for each in recordings:
        count, percents, found = _inspect(each, notes)
        names = each.subject, each.action, each.take, int(each.camera)
        rows.append((*names, count, *percents, f"{len(found)} wrong" if found else "ok"))
        faults += found
    return rows, notes, faults


def _inspect(recording, notes):
    """Rows of the table, percent of the joints in boxes and in masks, list of faults."""
    count, shares = None, {"boxes": [], "masks": []}
    try:
        with CustomReader(recording, 1) as reader:
            count = reader.rows
            reader.every = -(-count // SAMPLES)
            for seen in reader:
                if seen.box is not None:
                    low, high = np.reshape(seen.box, (2, 2))
                    inside = (seen.joints_2d >= low) & (seen.joints_2d <= high)
                    shares["boxes"].append(inside.all(axis=1).mean())
                if seen.mask is not None:
                    shares["masks"].append(share_inside(seen.mask, seen.joints_2d, REACH))
            notes += reader.notes
        faults = []
    except (UserError, OSError) as error:
        faults = [" ".join(str(error).split())]
    percents = [100 * float(np.mean(values)) if values else None for values in shares.values()]
    faults += [
        f"{recording}: only {percent:.0f} % of the 2D joints lie in its {name}; correct either"
        for name, percent in zip(shares, percents, strict=True)
        if percent is not None and percent < LEAST_PERCENT
    ]
    return count, percents, faults
