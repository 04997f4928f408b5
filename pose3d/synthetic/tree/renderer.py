"""Pictures of a moving body over the empty room."""

import numpy as np

from pose3d.recordings.human36m import project, world_to_camera
from pose3d.synthetic.mesh import skin, vertex_normals
from pose3d.synthetic.rasteriser import rasterise, shade
from pose3d.synthetic.tree.scene import AMBIENT, light_at

_UP = np.array([0, 0, 1], np.float32)


def render(looks, motion, camera, empty, frames):
    """Render a body over the empty room, (H, W, 3) uint8, whose size is the camera's.

    Yields each frame's image, (H, W, 3) uint8, and silhouette, (H, W) bool.
    """
    body = looks.body
    shown, faces = body.n_body_vertices, body.faces[: body.n_body_faces]
    colours = looks.colours[:shown]
    for transforms, root in zip(motion.transforms(body)[:frames], motion.root, strict=False):
        posed = skin(body, transforms, looks.offsets)[:shown]
        lights = light_at(root).astype(np.float32)
        values = shade(vertex_normals(posed, faces), colours, lights, np.float32(AMBIENT), _UP)
        points = world_to_camera(camera, posed)
        yield _drawn(project(camera, points), points[:, 2], 255 * values, faces, empty)


def _drawn(pixels, depths, values, faces, empty):
    """The image and the silhouette of a mesh; only its box is worked on."""
    size = empty.shape[1::-1]
    low = np.clip(np.floor(pixels.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, size).astype(int)
    box = slice(low[1], high[1]), slice(low[0], high[0])
    nearest = np.full((*(high - low)[::-1],), np.inf, np.float32)
    drawn = empty[box].astype(np.float32)
    rasterise((pixels - low).astype(np.float32), depths.astype(np.float32), values, faces, drawn, nearest)
    image, silhouette = empty.copy(), np.zeros(empty.shape[:2], bool)
    image[box] = np.minimum(drawn, 255)
    silhouette[box] = np.isfinite(nearest)
    return image, silhouette
