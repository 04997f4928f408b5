"""Predict the pose of the person in each of many pictures, in blocks."""

import sys
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.errors import UserError
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
    """What was found in the pictures.

    Attributes
    ----------
    names, boxes, poses, people : lists, of each person
        name of the picture, (x0, y0, x1, y1) px, (17, 3) array in mm, number of people in the picture
    trust : list of float, the chance that the error is below 150 mm; empty if nothing tells
    notes : list of str, why the pose is not to be trusted; empty if it is
    read : int, number of pictures that can be used
    empty : int, number of pictures without a person
    skipped : list of str, one line for each picture that cannot be used, or for the rest of a video
    """

    names: list = field(default_factory=list)
    boxes: list = field(default_factory=list)
    poses: list = field(default_factory=list)
    people: list = field(default_factory=list)
    trust: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    read: int = 0
    empty: int = 0
    skipped: list = field(default_factory=list)


def predict_pictures(predict, source, find_mask, box, draw):
    """Predict the poses of all pictures that show a person, and draw them.

    Parameters
    ----------
    predict : function of (N, 128, 128) crops that returns (N, 17, 3) poses, mm, and (N,) chances or None
    source : Path
    find_mask : function from `pose3d.inference.person_mask.mask_finder`
    box : (x0, y0, x1, y1) px, or None
    draw : function of (Picture, Cutout or None, pose or None, note)

    Returns
    -------
    Found
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
                chance, note = _doubted(cut, chance)
                _add(found, picture, cut, pose, chance, note)
            draw(picture, cut, pose, note)
    return found


def _doubted(cut, chance):
    """The chance that a pose is right, or None, and why it is not to be trusted."""
    note = KEPT if cut.mask is None else CUT_OFF if cut.is_cut_off else ""
    if chance is not None:
        chance = 0.0 if note else chance
        note = note or (DISAGREE if chance < trust.TRUSTED else "")
    return chance, note


def _add(found, picture, cut, pose, chance, note):
    found.names.append(picture.name)
    found.boxes.append(cut.box)
    found.poses.append(pose)
    found.people.append(cut.people)
    found.notes.append(note)
    if chance is not None:
        found.trust.append(round(chance, 3))


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
    for name, people in zip(found.names, found.people, strict=True):
        if people > 1 and not is_video(source):
            print(f"{name}: {people} people; the largest is taken, --box X0,Y0,X1,Y1 chooses another")
    if KEPT in found.notes:
        print("note: there is no mask, so the background is kept. The networks know no background")
    doubtful = {note: found.notes.count(note) for note in dict.fromkeys(found.notes) if note}
    if doubtful:
        reasons = ", ".join(f"{count}: {note}" for note, count in doubtful.items())
        print(f"do not trust {sum(doubtful.values())} of {len(found.notes)} poses ({reasons})")
