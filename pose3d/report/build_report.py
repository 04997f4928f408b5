"""What a build prints and draws: its table, samples to check by eye, and the findings of --verify.

Worker processes import this module and draw nothing, so that `figures` is imported where it is used.
"""

import itertools
import sys

import numpy as np

from pose3d.dataset import Dataset
from pose3d.io.tables import text_table
from pose3d.io.video import read_frames
from pose3d.recordings.checks import in_words

CROPS = 24  # of the contact sheet


def show(out, built, failures, is_raw):
    """Print what was built and all but the first of the failures; draw samples into the folder `out`."""
    print_build(built)
    if is_raw:
        draw_sample(out, built)
    draw_contact_sheet(out, built, np.random.default_rng(0))
    for failure in failures[1:]:
        print(f"not built: {failure}", file=sys.stderr)


def print_build(built):
    """Print notes, a table, and a warning if a background was not subtracted, of `BuiltFile` objects."""
    facts = [fact for file in built for fact in file.facts]
    for note in (note for fact in facts for note in fact["notes"]):
        print(note)
    surplus = [fact["surplus"] for fact in facts if fact["surplus"]]
    if surplus:
        print(
            f"{len(surplus)} of {len(facts)} recordings: numbers of frames, poses and masks differ by up to "
            f"{max(surplus)}; cut to the shortest"
        )
    rows = []
    for file in built:
        sums = [sum(fact[key] for fact in file.facts) for key in ("frames", "repeated", "blank")]
        pairs = zip(file.recordings, file.facts, strict=False)  # a file that failed has no facts
        takes = len({recording.take for recording, _ in pairs})
        rows.append([file.action, file.subject, takes, *sums, file.seconds])
    totals = [sum(row[i] for row in rows) for i in range(2, 7)]
    columns = ["action", "subject", "takes", "frames", "repeated", "blank", "seconds"]
    print(text_table(columns, [*rows, ["all", "", *totals]]))
    print("repeated: the same image as in the frame before; blank: nobody in the crop")
    kept = sum(fact["background"] == "kept" for fact in facts)
    if kept:
        print(f"WARNING: the background of {kept} recordings is NOT subtracted, they have no masks")


def draw_contact_sheet(out, built, rng):
    """Draw samples from all over the files just built, into their folder `out`, and print where."""
    from pose3d.report.plots.figures import contact_sheet

    done = [file for file in built if file.facts]
    if not done:
        return
    data = Dataset.open(out, {file.action for file in done}, {file.subject for file in done})
    # One at random from each of as many equal stretches: every subject and camera, all kinds of moments.
    ends = np.linspace(0, len(data), CROPS + 1)
    chosen = np.unique((ends[:-1] + rng.random(CROPS) * np.diff(ends)).astype(int))
    titles = [
        f"{data.action[i]} {data.subject[i]} take {data.take[i]}\n{data.camera[i]} frame {data.frame[i]}"
        for i in chosen
    ]
    path = out / "contact_sheet.png"
    contact_sheet(path, data.images(chosen, keep=False), data.joints_2d[chosen], titles)
    print(f"{len(data)} samples in {out}; check {path} by eye")


def draw_sample(out, built):
    """Draw a sample from the middle of the first raw recording, as in the report's figures 1 and 2.

    Parameters are as in `draw_contact_sheet`.
    """
    from pose3d.report.plots.figures import sample_figure, windows_figure

    file = next((file for file in built if file.facts), None)
    if file is None:
        return
    r = file.recordings[0]
    data = Dataset.open(out, {file.action}, {file.subject}, memory="stream")
    samples = np.flatnonzero((data.take == r.take) & (data.camera == int(r.camera)))
    chosen = samples[len(samples) // 2 :][:1]
    number = int(data.frame[chosen[0]])
    frame = next(itertools.islice(read_frames(r.video), number, None)).rgb()
    image, box = data.images(chosen)[0], np.asarray(data.box[chosen])[0]
    title = f"{r.action} {r.subject} take {r.take} camera {r.camera} frame {number}"
    sample_figure(out / "sample.png", frame, box, image, np.asarray(data.poses[chosen])[0], title)
    windows_figure(out / "windows.png", image, np.asarray(data.joints_2d[chosen])[0])


def print_findings(title, found):
    """Print the `Findings` of a verification; returns whether there are faults."""
    print(title, *found.notes, sep="\n")
    print(text_table(found.columns, found.rows, found.decimals), *found.faults, sep="\n")
    print(in_words(len(found.faults)) if found.faults else "no fault found", flush=True)
    return bool(found.faults)
