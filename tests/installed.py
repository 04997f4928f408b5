"""Run beside an installed wheel: write small weights, a picture and a photograph, and predict from Python."""

import numpy as np
from PIL import Image, ImageDraw

import pose3d
from pose3d import config
from pose3d.dataset.samples import Origin
from pose3d.model import weights
from pose3d.model.network import Network
from pose3d.skeleton import N_COORDINATES

settings = config.load("regression", None, ["network.kernels=[2,3,4]", "network.dense=[20,30]"])
scale = {name: np.full(N_COORDINATES, 100.0) for name in ("mean", "deviation", "mean_pose")}
trained_on = weights.TrainedOn(Origin("", None, ""), [], [])
params = Network(N_COORDINATES, settings.network).get_weights()
weights.save("weights.npz", weights.Weights("regression", settings, params, trained_on, scale))

rng = np.random.default_rng(0)
person = np.zeros((200, 120, 4), np.uint8)
person[20:180, 40:80] = rng.integers(60, 200, (160, 40, 4), np.uint8)
person[20:180, 40:80, 3] = 255
Image.fromarray(person).save("picture.png")
photo = Image.new("RGB", (300, 400), (70, 110, 60))
body = ImageDraw.Draw(photo)
for box, colour in (((90, 180, 210, 390), (40, 50, 120)), ((120, 70, 180, 160), (210, 160, 130))):
    body.ellipse(box, fill=colour)
photo.save("photo.png")
found = pose3d.load("weights.npz").predict(rng.integers(0, 256, (3, 128, 128), np.uint8))
assert found.shape == (3, 17, 3), found.shape
assert "/site-packages/" in pose3d.__file__, pose3d.__file__
