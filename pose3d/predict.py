"""Predict poses from an image, a folder of images, a video, or built files."""

import argparse
import itertools
import sys
import time
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
from pose3d.io.images import MaskImages, list_images, masks_by_name
from pose3d.io.video import frame_rate
from pose3d.recordings.human36m import FRAMES_PER_SECOND
from pose3d.report.overlay import draw_over, overlay_writer

BLOCK = 32  # pictures in memory: 200 MB at 1920 x 1080 px
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
    function of (number of the picture, Picture) that returns an (H, W) bool array or None
    """
    if background == "median":
        still = median_background(source)
        return lambda _, picture: foreground(picture.rgb, still)
    if given is None:
        return lambda _, picture: picture.alpha
    if not given.exists():
        raise UserError(f"{given}: there is no such mask; correct --mask")
    paths = list_images(given) if given.is_dir() else [given]
    if source.is_dir():
        paths = masks_by_name(paths, list_images(source))
    masks = MaskImages(given, paths)
    return lambda number, _: masks[number]


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
    poses : (N, 17, 3) array, mm
    keys : dict of N names of pictures and N boxes
    unmasked : int, number of pictures without a mask
    empty : int, number of pictures without a person
    """
    names, boxes, poses, unmasked, empty = [], [], [], 0, 0
    numbered = enumerate(tqdm(read_pictures(source), unit=" pictures", leave=False, disable=None))
    rate = (frame_rate(source) or FRAMES_PER_SECOND) if is_video(source) else None
    with overlay_writer(out, rate, single=source.is_file()) as write:
        while block := list(itertools.islice(numbered, BLOCK)):
            masks = [find_mask(number, picture) for number, picture in block]
            cuts = [cut_out(picture, mask, box) for (_, picture), mask in zip(block, masks, strict=True)]
            crops = [cut.crop for cut in cuts if cut is not None]
            found = iter(network.predict(np.array(crops, np.uint8).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)))
            for (_, picture), cut in zip(block, cuts, strict=True):
                if cut is None:
                    write(picture.name, picture.rgb)
                    continue
                names.append(picture.name)
                boxes.append(cut.box)
                poses.append(next(found))
                write(picture.name, draw_over(picture.rgb, poses[-1], cut.body))
            unmasked += sum(mask is None for mask in masks)
            empty += len(cuts) - len(crops)
    keys = {predictions.PICTURE: np.array(names), "box_px": np.array(boxes)}
    return np.array(poses), keys, unmasked, empty


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
    if source.is_dir() and built_files(source):
        poses, keys = predict_crops(network, source)
    else:
        find_mask = mask_finder(source, arguments.mask, arguments.background)
        poses, keys, unmasked, empty = predict_pictures(network, source, find_mask, arguments.box, out)
        if not len(poses):
            raise UserError(f"{source}: no person found; the masks are empty, or nothing moves")
        if unmasked:
            print(_BACKGROUND_KEPT)
        if empty:
            skipped = "1 picture is" if empty == 1 else f"{empty} pictures are"
            print(f"{skipped} skipped, because the mask is empty or nothing moves")
    written = predictions.write(out, arguments.format, predictions.Pair(poses, None, keys))
    print(f"{len(poses)} pose{'s' * (len(poses) != 1)} in {', '.join(map(str, written))}")


if __name__ == "__main__":
    sys.exit(main())
