"""Check custom recordings without building: their tables, and a sample of images, boxes and masks."""

import numpy as np

from pose3d.errors import UserError, one_line
from pose3d.recordings.checks import REACH, SAMPLES, Check, Findings, failed, in_words
from pose3d.recordings.observation import share_inside

COLUMNS = ("subject", "action", "take", "camera", "rows", "in box %", "in mask %", "verdict")
# Of the 2D joints; a person may be half hidden, and masks hold what is seen.
LEAST_PERCENT = 50
_MESSAGE = "{{recording}}: only {{{0}:.0f}} % of the 2D joints lie in its {0}; correct either"
CHECKS = [Check(kind, lambda n: n < LEAST_PERCENT, _MESSAGE.format(kind)) for kind in ("boxes", "masks")]


def verify_recordings(recordings):
    """Read the table and a sample of each `CustomRecording`, decoding videos: `Findings`."""
    result = Findings(COLUMNS, [])
    for each in recordings:
        values, faults = {"recording": each}, []
        try:
            _measure(each, values, result.notes)
        except (UserError, OSError) as error:
            faults.append(one_line(error))
        faults += failed(CHECKS, values)
        measured = (values.get(name) for name in ("rows", "boxes", "masks"))
        names = each.subject, each.action, each.take, int(each.camera)
        result.rows.append((*names, *measured, in_words(len(faults))))
        result.faults += faults
    return result


def _measure(recording, values, notes):
    """Add the rows of the table, and percent of the joints in boxes and in masks, as far as there are any."""
    shares = {"boxes": [], "masks": []}
    with recording.open(1) as reader:
        values["rows"] = reader.rows
        reader.every = -(-reader.rows // SAMPLES)
        for seen in reader:
            if seen.box is not None:
                low, high = np.reshape(seen.box, (2, 2))
                inside = (seen.joints_2d >= low) & (seen.joints_2d <= high)
                shares["boxes"].append(inside.all(axis=1).mean())
            if seen.mask is not None:
                shares["masks"].append(share_inside(seen.mask, seen.joints_2d, REACH))
            values |= {kind: 100 * float(np.mean(of)) for kind, of in shares.items() if of}
        notes += reader.notes
