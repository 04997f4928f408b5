"""Small sound inputs of every kind, and the commands that take them, for `tests.fuzz`."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pose3d import config, synthetic, train_regression
from pose3d.dataset.built_files import built_path, write_built_file
from pose3d.dataset.samples import Dataset
from pose3d.evaluation.pose_file_formats import FORMATS, KEYS
from pose3d.evaluation.pose_pairs import Pair, write
from pose3d.io.video import video_writer
from pose3d.model.network import Network
from pose3d.model.weights import Weights, save
from pose3d.skeleton import N_COORDINATES
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.tree.appearance import body_of
from tests.conftest import turning_samples
from tests.inference.drawn import draw_person, meadow
from tests.recordings.custom import drawn
from tests.small import SMALL, TRAINED_ON
from tests.synthetic.motion.skeletons import write_motion

TINY = [*SMALL, "training.epochs=1", "training.batch_size=40"]
PREDICT = "predict --format json --weights {all}/weights/w.npz --out {out} "
TRAIN = "train_regression --data {all}/built --out {out} " + " ".join(f"--set {word}" for word in TINY)
BUILD = "build_dataset --out {out} --workers 1 --source {in}"
VERIFY = "build_dataset --verify --source {in} --out {out} --subjects S1"
TEST = "test --out {out} --frames 0 --detection none"


@dataclass(frozen=True)
class Kind:
    """A kind of input: its folder, the files in it to damage, and the command that takes it.

    In the command ``{in}`` is the damaged folder, ``{all}`` that of all sound ones, ``{out}`` an empty one.
    """

    folder: str
    files: str
    command: str


KINDS = {
    "png": Kind("pictures", "me.png", PREDICT + "{in}/me.png"),
    "jpg": Kind("pictures", "photo.jpg", PREDICT + "{in}/photo.jpg --mask {in}/mask.png"),
    "photograph": Kind("pictures", "meadow.jpg", PREDICT + "{in}/meadow.jpg"),
    "mask": Kind("pictures", "mask.png", PREDICT + "{in}/photo.jpg --mask {in}/mask.png"),
    "webp": Kind("pictures", "me.webp", PREDICT + "{in}/me.webp"),
    "tiff": Kind("pictures", "me.tiff", PREDICT + "{in}/me.tiff"),
    "mp4": Kind("pictures", "walk.mp4", PREDICT + "{in}/walk.mp4 --background median"),
    "custom": Kind("custom", "**/*.*", BUILD),
    "table": Kind("custom", "*.csv", BUILD),
    "bvh": Kind("motion", "**/*.bvh", "synthetic.__main__ --out {out} --frames 3 --subjects S1 "
                "--image-size 100 --workers 1 --motion {in}"),
    "toml": Kind("settings", "a.toml", TRAIN + " --init none --config {in}/a.toml"),
    "weights": Kind("weights", "w.npz", "predict {all}/pictures/me.png --weights {in}/w.npz --out {out}"),
    "int8": Kind("int8", "w.npz", "predict {all}/pictures/me.png --weights {in}/w.npz --out {out}"),
    "transfer": Kind("weights", "w.npz", TRAIN + " --init {in}/w.npz"),
    "pickle": Kind("pickle", "w.pkl", TRAIN + " --set network.kernels=[1,2,3] --init {in}/w.pkl"),
    "checkpoint": Kind("run", "checkpoint.npz", "train_regression --data {all}/built --out {in} --resume"),
    "built": Kind("built", "*.h5", TEST + " --data {in} --weights {all}/weights/w.npz"),
    "cdf": Kind("raw", "**/*.cdf", BUILD + " --cameras 54138969"),
    "mat": Kind("raw", "**/*54138969.mat", BUILD + " --cameras 54138969"),
    "raw": Kind("raw", "**/*.*", VERIFY),
    "metadata": Kind("raw", "metadata.xml", VERIFY),
    **{
        f"poses {kind}": Kind("poses", f"predictions.{kind}", TEST.replace(" --frames 0 --detection none", "")
                              + f" --predictions {{in}}/predictions.{kind} --truth {{in}}/truths.txt")
        for kind in FORMATS
    },
    "truths txt": Kind("poses", "truths.txt", "test --out {out} --predictions {in}/predictions.txt "
                       "--truth {in}/truths.txt"),
    "truths h5": Kind("poses", "truths.h5", "test --out {out} --predictions {in}/predictions.npz "
                      "--truth {in}/truths.h5"),
}  # fmt: skip


def make(folder):
    """Write a small sound input of every kind into `folder`."""
    rng = np.random.default_rng(0)
    for subject in ("S1", "S11"):
        part = turning_samples(1.0, 20)
        write_built_file(
            built_path(folder / "built", "Walking", subject), "Walking", subject, [part], {"facts": []}
        )
    _make_pictures(folder / "pictures", rng)
    settings = config.load("regression", None, TINY)
    params = Network(N_COORDINATES, settings.network).get_weights()
    scale = {name: np.full(N_COORDINATES, 100.0) for name in ("mean", "deviation", "mean_pose")}
    found = Weights("regression", settings, params, TRAINED_ON, scale)
    save(folder / "weights/w.npz", found)
    save(folder / "int8/w.npz", found, "int8")
    for name in ("settings", "pickle", "custom/frames", "poses", "raw"):
        (folder / name).mkdir(parents=True)
    (folder / "settings/a.toml").write_text(
        "# of a run\n[network]\nkernels = [1, 2, 3]\ndropout = 0.5\n\n[training]\nlearning_rate = 0.001\n"
        '\n[regression]\ntargets = "mm"\n\n[data]\nvalidation = "tail"\ntest = ["S11"]\n'
    )
    shutil.copy(Path(__file__).parent / "data/python2_protocol2.pkl", folder / "pickle/w.pkl")
    rows = [drawn.row_of(i, f"{i}.png") for i in range(drawn.FRAMES)]
    for i in range(drawn.FRAMES):
        Image.fromarray(drawn.image_of(i)).save(folder / f"custom/frames/{i}.png")
    drawn.write_table(folder / "custom/j.csv", rows)
    drawn.write_recordings(folder / "custom", [drawn.ROW])
    motion = walk(body_of("S1"), GAITS["S1"], 12, False, rng)
    write_motion(folder / "motion/a.bvh", body_of("S1"), motion)
    data = Dataset.open(folder / "built", subjects=["S11"])
    keys = {name: getattr(data, name) for name in KEYS}
    write(folder / "poses", FORMATS, Pair(data.poses, data.poses, keys))
    shutil.copy(built_path(folder / "built", "Walking", "S11"), folder / "poses/truths.h5")
    train_regression.main((TRAIN + " --init none").format(all=folder, out=folder / "run").split()[1:])
    synthetic.generate(folder / "raw", subjects=("S1",), frames=4, image_size=100, workers=1)


def _make_pictures(folder, rng):
    folder.mkdir(parents=True)
    rgb, mask = rng.integers(0, 256, (90, 70, 3), np.uint8), np.zeros((90, 70), np.uint8)
    mask[20:80, 20:50] = 255
    me = Image.fromarray(np.dstack([rgb, mask]))
    for name in ("me.png", "me.webp", "me.tiff"):
        me.save(folder / name)
    Image.fromarray(rgb).save(folder / "photo.jpg")
    meadow_with_me = meadow(160, 120)
    draw_person(meadow_with_me, 60, 80, 65)
    Image.fromarray(meadow_with_me).save(folder / "meadow.jpg")
    Image.fromarray(mask).save(folder / "mask.png")
    with video_writer(folder / "walk.mp4", 70, 90, 10) as write:
        for i in range(6):
            write(np.where(np.roll(mask, 3 * i, axis=1)[..., None], 255, rgb // 4).astype(np.uint8))
