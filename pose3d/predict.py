"""Predict poses from an image, a folder of images, a video, or built files."""

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d.dataset.samples import Dataset, built_files
from pose3d.errors import UserError, command
from pose3d.evaluation.pose_file_formats import FORMATS, KEYS
from pose3d.evaluation.pose_pairs import Pair, write
from pose3d.inference import predictor, trust
from pose3d.inference.person_mask import BACKGROUNDS, mask_finder
from pose3d.inference.picture_poses import predict_pictures, report
from pose3d.inference.pictures import is_video
from pose3d.io.atomic_files import exclusive
from pose3d.io.video import frame_rate
from pose3d.report.overlay import draw_over, overlay_writer


def _box(text):
    try:
        x0, y0, x1, y1 = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give four whole numbers, x0,y0,x1,y1") from None
    return x0, y0, x1, y1


def parse(argv):
    parser = argparse.ArgumentParser(prog="python -m pose3d.predict", description=__doc__)
    add = parser.add_argument
    # fmt: off
    add("source", type=Path,
        help="image, folder of images, video, or folder of built files (already cropped)")
    add("--weights",
        help="run folder (its best epoch) or weights file (default: the network that comes with pose3d)")
    add("--mask", type=Path,
        help="mask image, white on the person; for several images, a folder of masks with the same names; "
        "for a video, a folder with one mask for each frame")
    add("--box", type=_box, metavar="X0,Y0,X1,Y1",
        help="bounding box of the person in px, half-open (default: the mask's)")
    add("--background", choices=BACKGROUNDS, default="search",
        help="without a mask or an alpha channel: search, find the person; median, subtract the median of a "
        "video's frames, from a static camera; keep, keep the background (default: search)")
    add("--single-view", action="store_true", help="do not average over mirrored and shifted views")
    add("--out", type=Path, default=Path("runs/predict"),
        help="folder for poses and overlays (default: %(default)s)")
    add("--format", nargs="+", choices=FORMATS, default=["json"],
        help="one or more formats of the poses (default: json)")
    # fmt: on
    arguments = parser.parse_args(argv)
    if arguments.background == "median" and (arguments.mask or not is_video(arguments.source)):
        parser.error("--background median needs a video, and excludes --mask")
    return arguments


def predict_crops(predict, folder):
    """Poses of all samples of built files, (N, 17, 3) array, mm, and a dict of the columns of keys."""
    data = Dataset.open(folder)
    blocks = [range(start, min(start + 1024, len(data))) for start in range(0, len(data), 1024)]
    bar = tqdm(blocks, unit=" blocks", leave=False, disable=None)
    parts = [predict(data.images(block, keep=False)) for block in bar]
    return np.concatenate(parts), {name: getattr(data, name) for name in KEYS}


def _network(arguments):
    """Functions of crops that return poses, and poses with chances."""
    network = predictor.load(arguments.weights, "regression")
    predict = network.predict if arguments.single_view else partial(predictor.averaged, network)
    if arguments.weights is None and trust.ABOUT in network.about:
        print(f"network: {predictor.shipped('regression').name}, which comes with pose3d")
        detection = predictor.load(None, "detection")
        return predict, partial(trust.predict, network, detection, average=not arguments.single_view)
    name = arguments.weights or predictor.shipped("regression").name
    print(f"network: {name}, whose trust is not calibrated")
    return predict, lambda crops: (predict(crops), None)


def _predict_pictures(arguments, predict):
    """Poses, dict of the columns of keys, and lines on what cannot be used."""
    source, out = arguments.source, arguments.out
    find_mask, masks = mask_finder(source, arguments.mask, arguments.background)
    rate = frame_rate(source) if is_video(source) else None
    with overlay_writer(out, rate, single=source.is_file()) as write:

        def draw(picture, cut, pose, note):
            if cut is None:
                return write(picture.name, picture.rgb)
            outline = None if arguments.mask or picture.alpha is not None else cut.mask
            return write(picture.name, draw_over(picture.rgb, pose, cut.body, outline, note))

        found = predict_pictures(predict, source, find_mask, arguments.box, draw)
    if masks and is_video(source) and not found.skipped:
        masks.check_count(found.read, source)
    report(source, found)
    return np.array(found.poses), {k: np.array(v) for k, v in found.columns.items()}, found.skipped


@command
def main(argv=None):
    arguments = parse(argv)
    source, out = arguments.source, arguments.out
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder")
    predict, predict_with_trust = _network(arguments)
    with exclusive(out):
        if source.is_dir() and built_files(source):
            (poses, keys), skipped = predict_crops(predict, source), []
        else:
            poses, keys, skipped = _predict_pictures(arguments, predict_with_trust)
        written = write(out, arguments.format, Pair(poses, None, keys))
    print(f"{len(poses)} pose{'s' * (len(poses) != 1)} in {', '.join(map(str, written))}")
    return int(bool(skipped))


if __name__ == "__main__":
    sys.exit(main())
