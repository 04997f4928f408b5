"""Predict poses from an image, a folder of images, a video, or built files."""

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.dataset.samples import Dataset, built_files
from pose3d.errors import UserError, command
from pose3d.evaluation import pose_files as predictions
from pose3d.inference import predictor
from pose3d.inference.background import foreground, median_background
from pose3d.inference.person_crop import cut_out
from pose3d.inference.pictures import is_video, read_pictures
from pose3d.io.atomic_files import exclusive
from pose3d.io.images import list_images
from pose3d.io.video import frame_rate
from pose3d.recordings.human36m import FRAMES_PER_SECOND
from pose3d.recordings.mask_images import MaskImages, masks_by_name
from pose3d.report.overlay import draw_over, overlay_writer

BLOCK = 32  # pictures predicted at once
BLOCK_BYTES = 200 * 2**20  # of pictures in memory, unless a single one is larger
_BACKGROUND_KEPT = (
    "note: there is no mask, so the background is kept. The network was trained without background: do not "
    "trust these poses. Give --mask or pictures with an alpha channel. For a video of a static camera, "
    "--background median also works"
)


def _box(text):
    try:
        x0, y0, x1, y1 = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give four whole numbers, x0,y0,x1,y1") from None
    return x0, y0, x1, y1


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.predict",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "source", type=Path, help="image, folder of images, video, or folder of built files (already cropped)"
    )
    parser.add_argument(
        "--weights", default="runs/regression", help="run folder (its best epoch) or weights file"
    )
    parser.add_argument(
        "--mask",
        type=Path,
        help="mask image, white on the person; for several images, a folder of masks with the same names; "
        "for a video, a folder with one mask for each frame",
    )
    parser.add_argument(
        "--box",
        type=_box,
        metavar="X0,Y0,X1,Y1",
        help="bounding box of the person in px, half-open; without it, the mask's or the whole picture",
    )
    parser.add_argument(
        "--background",
        choices=("keep", "median"),
        default="keep",
        help="median: subtract the median of the video's frames; the camera must be static",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs/predict"), help="folder for poses and overlays"
    )
    parser.add_argument(
        "--format",
        nargs="+",
        choices=predictions.FORMATS,
        default=["json"],
        help="one or more formats of the poses",
    )
    arguments = parser.parse_args(argv)
    if arguments.background == "median" and (arguments.mask or not is_video(arguments.source)):
        parser.error("--background median needs a video, and excludes --mask")
    return arguments


def mask_finder(source, given, background):
    """Make a function that finds the mask of a picture.

    Parameters
    ----------
    source : Path of the pictures
    given : Path of a mask or a folder of masks, or None
    background : "keep" or "median"

    Returns
    -------
    find : function of (number of the picture, Picture) that returns an (H, W) bool array or None
    masks : MaskImages, or None if none are given
    """
    if background == "median":
        still = median_background(source)
        return (lambda _, picture: foreground(picture.rgb, still)), None
    if given is None:
        return (lambda _, picture: picture.alpha), None
    if not given.exists():
        raise UserError(f"{given}: there is no such mask; correct --mask")
    paths = list_images(given)[0] if given.is_dir() else [given]
    if source.is_dir() or (given.is_dir() and not is_video(source)):
        paths = masks_by_name(paths, list_images(source)[0] if source.is_dir() else [source])
    masks = MaskImages(given, paths)
    return (lambda number, _: masks[number]), masks


@dataclass
class Found:
    """What was found in the pictures.

    Attributes
    ----------
    names, boxes, poses : lists, of each person: name of the picture, (x0, y0, x1, y1) px, (17, 3) array in mm
    read : int, number of pictures that can be used
    unmasked : int, number of pictures without a mask
    empty : int, number of pictures without a person
    skipped : list of str, one line for each picture that cannot be used, or for the rest of a video
    """

    names: list = field(default_factory=list)
    boxes: list = field(default_factory=list)
    poses: list = field(default_factory=list)
    read: int = 0
    unmasked: int = 0
    empty: int = 0
    skipped: list = field(default_factory=list)


def predict_pictures(network, source, find_mask, box, out):
    """Predict the poses of all pictures that show a person, and write overlays.

    Parameters
    ----------
    network : Predictor
    source, out : Path
    find_mask : function from `mask_finder`
    box : (x0, y0, x1, y1) px, or None

    Returns
    -------
    Found
    """
    found = Found()
    rate = (frame_rate(source) or FRAMES_PER_SECOND) if is_video(source) else None
    with overlay_writer(out, rate, single=source.is_file()) as write:
        for block in _blocks(_cut_outs(source, find_mask, box, found)):
            _predict_block(network, block, found, write)
    return found


def _predict_block(network, block, found, write):
    """Add the poses of a block of pictures to `found`, and write its overlays."""
    crops = [cut.crop for _, _, cut in block if cut is not None]
    poses = iter(network.predict(np.array(crops, np.uint8).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)))
    for picture, _, cut in block:
        if cut is None:
            write(picture.name, picture.rgb)
            continue
        found.names.append(picture.name)
        found.boxes.append(cut.box)
        found.poses.append(next(poses))
        write(picture.name, draw_over(picture.rgb, found.poses[-1], cut.body))


def _cut_outs(source, find_mask, box, found):
    """Yield (picture, mask or None, Cutout or None); note in `found` what cannot be used."""
    pictures = enumerate(tqdm(read_pictures(source), unit=" pictures", leave=False, disable=None))
    while True:
        try:
            number, picture = next(pictures)
            mask = find_mask(number, picture)
            cut = cut_out(picture, mask, box)
        except StopIteration:
            return
        except UserError as error:
            found.skipped.append(str(error))
            if is_video(source):  # what is wrong with one frame is wrong with the rest
                return
            continue
        found.read += 1
        found.unmasked += mask is None
        found.empty += cut is None
        yield picture, mask, cut


def _blocks(cut_outs):
    """Yield lists of at most `BLOCK` items of `_cut_outs` and little more than `BLOCK_BYTES`."""
    block, size = [], 0
    for picture, mask, cut in cut_outs:
        block.append((picture, mask, cut))
        size += picture.rgb.nbytes + (0 if mask is None else mask.nbytes)
        if len(block) == BLOCK or size >= BLOCK_BYTES:
            yield block
            block.clear()  # before the next picture is read
            del picture, mask, cut
            size = 0
    if block:
        yield block


def predict_crops(network, folder):
    """Poses of all samples of built files, (N, 17, 3) array, mm, and a dict of the columns of keys."""
    data = Dataset.open(folder)
    began, parts = time.perf_counter(), []
    for start in tqdm(range(0, len(data), 1024), unit=" blocks", leave=False, disable=None):
        images = data.images(range(start, min(start + 1024, len(data))), keep=False)
        parts.append(network.predict(images))
        if not start:  # the first call compiles
            began, first = time.perf_counter(), len(images)
    rate = (len(data) - first) / (time.perf_counter() - began)
    if rate:
        print(f"{rate:.0f} images/s")
    return np.concatenate(parts), {name: getattr(data, name) for name in predictions.KEYS}


@command
def main(argv=None):
    arguments = parse(argv)
    source, out = arguments.source, arguments.out
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder")
    network = predictor.load(arguments.weights)
    if network.task != "regression":
        raise UserError(
            f"{arguments.weights} is a {network.task} network; give a regression network with --weights"
        )
    with exclusive(out):
        poses, keys, skipped = _predict(arguments, network)
        written = predictions.write(out, arguments.format, predictions.Pair(poses, None, keys))
    print(f"{len(poses)} pose{'s' * (len(poses) != 1)} in {', '.join(map(str, written))}")
    return int(bool(skipped))


def _predict(arguments, network):
    """Poses, dict of the columns of keys, and lines on what cannot be used."""
    source = arguments.source
    if source.is_dir() and built_files(source):
        return *predict_crops(network, source), []
    find_mask, masks = mask_finder(source, arguments.mask, arguments.background)
    found = predict_pictures(network, source, find_mask, arguments.box, arguments.out)
    if masks and is_video(source) and not found.skipped:
        masks.check_count(found.read, source)
    _report(source, found)
    keys = {predictions.PICTURE: np.array(found.names), predictions.BOX: np.array(found.boxes)}
    return np.array(found.poses), keys, found.skipped


def _report(source, found):
    """Say what was left out; a `UserError` if that is everything."""
    if source.is_dir() and (others := list_images(source)[1]):
        print(f"{others} other file{'s' * (others != 1)} in {source}: no image, by the ending")
    if found.skipped and not found.poses and not found.empty:
        several = "none of the pictures can be used; the first: " if len(found.skipped) > 1 else ""
        raise UserError(several + found.skipped[0])
    for line in found.skipped:
        print(f"skipped: {line}", file=sys.stderr)
    if not found.poses:
        raise UserError(f"{source}: no person found; the masks are empty, or nothing moves")
    if found.unmasked:
        print(_BACKGROUND_KEPT)
    if found.empty:
        skipped = "1 picture is" if found.empty == 1 else f"{found.empty} pictures are"
        print(f"{skipped} skipped, because the mask is empty or nothing moves")


if __name__ == "__main__":
    sys.exit(main())
