"""Predict the pose of the person in each of many pictures, in blocks."""

import sys
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.errors import UserError
from pose3d.evaluation.pose_file_formats import BOX, NOTE, PEOPLE, PICTURE, TRUST
from pose3d.inference import trust
from pose3d.inference.person_crop import cut_out
from pose3d.inference.pictures import is_video, read_pictures
from pose3d.io.images import list_images

BLOCK = 32  # pictures predicted at once
BLOCK_BYTES = 200 * 2**20  # of pictures in memory, unless a single one is larger
# Why a pose is not to be trusted.
KEPT = "the background is kept"
CUT_OFF = "the person is cut off at the border"
DISAGREE = "the networks are unsure"


@dataclass
class Found:
    """What was found in the pictures."""

    poses: list = field(default_factory=list)  # (17, 3) arrays, mm, of each person
    columns: dict = field(default_factory=dict)  # lists by the names of `pose_file_formats`, PICTURE ... NOTE
    read: int = 0  # pictures that can be used
    empty: int = 0  # pictures without a person
    skipped: list = field(default_factory=list)  # a line for each that cannot be used, or for a video's rest


def predict_pictures(predict, source, find_mask, box, draw):
    """Predict the poses of all pictures of a source (Path) that show a person, and draw them: `Found`.

    ``predict(crops)`` returns (N, 17, 3) poses, mm, and (N,) chances or None; `find_mask` is of
    `pose3d.inference.person_mask.mask_finder`; `box` is (x0, y0, x1, y1) px, or None;
    ``draw(picture, cut, pose, note)`` takes None for the Cutout and the pose of a picture without a person.
    """
    found = Found()
    for block in _blocks(_cut_outs(source, find_mask, box, found)):
        crops = [cut.crop for _, cut in block if cut is not None]
        poses, chances = predict(np.array(crops, np.uint8).reshape(-1, IMAGE_SIDE, IMAGE_SIDE))
        of_person = zip(poses, [None] * len(poses) if chances is None else chances.tolist(), strict=True)
        for picture, cut in block:
            pose, note = None, ""
            if cut is not None:
                pose, chance = next(of_person)
                found.poses.append(pose)
                note = _add_columns(found.columns, picture, cut, chance)
            draw(picture, cut, pose, note)
    return found


def _add_columns(columns, picture, cut, chance):
    """Note a pose, and return why it is not to be trusted; `chance`, that it is right, may be None."""
    note = KEPT if cut.mask is None else CUT_OFF if cut.is_cut_off else ""
    row = {PICTURE: picture.name, BOX: cut.box, PEOPLE: cut.people}
    if chance is not None:
        chance = 0.0 if note else chance
        note = note or (DISAGREE if chance < trust.TRUSTED else "")
        row[TRUST] = round(chance, 3)
    for name, value in {**row, NOTE: note}.items():
        columns.setdefault(name, []).append(value)
    return note


def _cut_outs(source, find_mask, box, found):
    """Yield (picture, Cutout or None); note in `found` what cannot be used."""
    pictures = enumerate(tqdm(read_pictures(source), unit=" pictures", leave=False, disable=None))
    while True:
        try:
            number, picture = next(pictures)
            mask, people = find_mask(number, picture, box)
            cut = cut_out(picture, mask, box, people)
        except StopIteration:
            return
        except UserError as error:
            found.skipped.append(str(error))
            if is_video(source):  # what is wrong with one frame is wrong with the rest
                return
            continue
        found.read += 1
        found.empty += cut is None
        yield picture, cut


def _blocks(cut_outs):
    """Yield lists of at most `BLOCK` items of `_cut_outs` and little more than `BLOCK_BYTES`."""
    block, size = [], 0
    for picture, cut in cut_outs:
        block.append((picture, cut))
        size += picture.rgb.nbytes + (0 if cut is None or cut.mask is None else cut.mask.nbytes)
        if len(block) == BLOCK or size >= BLOCK_BYTES:
            yield block
            block.clear()  # before the next picture is read
            del picture, cut
            size = 0
    if block:
        yield block


def report(source, found):
    """Say what was skipped and what is not to be trusted; a `UserError` if nothing is left."""
    if source.is_dir() and (others := list_images(source)[1]):
        print(f"{others} other file{'s' * (others != 1)} in {source}: no image, by the ending")
    if found.skipped and not found.poses and not found.empty:
        several = "none of the pictures can be used; the first: " if len(found.skipped) > 1 else ""
        raise UserError(several + found.skipped[0])
    for line in found.skipped:
        print(f"skipped: {line}", file=sys.stderr)
    if not found.poses:
        raise UserError(
            f"{source}: no person found; give --mask with the person in white, or another picture"
        )
    if found.empty:
        skipped = "1 picture is" if found.empty == 1 else f"{found.empty} pictures are"
        print(f"{skipped} skipped, because there is no person in the mask or the picture")
    notes = found.columns[NOTE]
    for name, people in zip(found.columns[PICTURE], found.columns[PEOPLE], strict=True):
        if people > 1 and not is_video(source):
            print(f"{name}: {people} people; the largest is taken, --box X0,Y0,X1,Y1 chooses another")
    if KEPT in notes:
        print("note: there is no mask, so the background is kept. The networks know no background")
    doubtful = {note: notes.count(note) for note in dict.fromkeys(notes) if note}
    if doubtful:
        reasons = ", ".join(f"{count}: {note}" for note, count in doubtful.items())
        print(f"do not trust {sum(doubtful.values())} of {len(notes)} poses ({reasons})")
