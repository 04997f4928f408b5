"""Motion of a body: rotations of its bones and the path of its hips; axes x forward, y left, z up."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.synthetic.body import BONES, PARENTS


@dataclass(frozen=True)
class Motion:
    """Motion of one body in the room."""

    rotations: np.ndarray  # (F, 31, 3, 3), of the bones from the T-pose to the world frame (z up, floor at 0)
    root: np.ndarray  # (F, 3), mm, head of the bone Hips

    def __len__(self):
        return len(self.root)

    def at(self, chosen):
        """The motion in the chosen frames: (G,) array of frame numbers."""
        return Motion(self.rotations[chosen], self.root[chosen])

    def held(self, frames):
        """The motion with its last pose repeated for `frames` more frames."""
        return self.at(np.minimum(np.arange(len(self) + frames), len(self) - 1))

    def moved(self, by):
        """The motion shifted by (3,) or (F, 3) mm."""
        return Motion(self.rotations, self.root + by)

    def joints(self, body):
        """Human3.6M's joints of a body: (F, 32, 3) array, mm."""
        return self.root[:, None] + body.joints_32(self.rotations)

    def transforms(self, body):
        """Transforms of a body's bones from rest: (F, 31, 3, 4) array, mm."""
        found = body.transforms(self.rotations)
        found[..., 3] += self.root[:, None]
        return found


def all_bones(turns):
    """Rotations (F, 31, 3, 3) of all bones from those of some, (F, 3, 3) each, with ``"Hips"``.

    The other bones turn as their parents do.
    """
    found = []
    for name, parent in zip(BONES, PARENTS, strict=True):
        found.append(turns[name] if name in turns else found[parent])
    return np.stack(found, axis=1)


def euler(axes, *angles):
    """Rotations (F, 3, 3) by intrinsic Euler angles in rad, (F,) arrays or floats, one for each axis.

    A positive angle takes left towards up (``X``), up towards forward (``Y``: a bow), or forward towards
    left (``Z``).
    """
    angles = np.stack(np.broadcast_arrays(*map(np.atleast_1d, angles)), axis=-1)
    return Rotation.from_euler(axes, angles).as_matrix()


def upright(up, forward):
    """Rotations (F, 3, 3) that take the z axis to `up` and the x axis as close as possible to `forward`."""
    left = np.cross(up, forward)
    axes = np.stack([np.cross(left, up), left, np.broadcast_to(up, left.shape)], axis=-1)
    return axes / np.linalg.norm(axes, axis=-2, keepdims=True)
