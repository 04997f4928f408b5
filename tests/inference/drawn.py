"""Pictures of people made of ellipses, which the segmentation network takes for people."""

import numpy as np

GRASS, SHIRT, SKIN, HAIR, TROUSERS = (70, 110, 60), (40, 50, 120), (210, 160, 130), (50, 35, 25), (60, 60, 70)
# Of a person 2 x 1 high and wide, from the middle: centre (x, y), half axes, colour.
BODY = (
    ((-0.12, 0.62), (0.09, 0.38), TROUSERS), ((0.12, 0.62), (0.09, 0.38), TROUSERS),
    ((-0.28, 0.0), (0.07, 0.34), SHIRT), ((0.28, 0.0), (0.07, 0.34), SHIRT),
    ((0, -0.05), (0.24, 0.42), SHIRT), ((0, -0.68), (0.14, 0.19), SKIN), ((0, -0.8), (0.15, 0.13), HAIR),
)  # fmt: skip


def draw_ellipse(rgb, centre, axes, colour):
    rows, columns = np.ogrid[: rgb.shape[0], : rgb.shape[1]]
    where = ((columns - centre[0]) / axes[0]) ** 2 + ((rows - centre[1]) / axes[1]) ** 2 < 1
    rgb[where] = colour
    return where


def draw_person(rgb, x, y, half):
    """Draw a standing person, `half` px from the middle (x, y) to head or feet: (H, W) bool, where it is."""
    where = np.zeros(rgb.shape[:2], bool)
    for (dx, dy), axes, colour in BODY:
        where |= draw_ellipse(rgb, (x + half * dx, y + half * dy), half * np.array(axes), colour)
    return where


def meadow(rows, columns):
    """A picture without anybody."""
    shades = np.random.default_rng(0).integers(-6, 7, (rows, columns, 1))
    return (np.array(GRASS) + shades).astype(np.uint8)
