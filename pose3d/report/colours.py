"""The colours of the body's sides in all figures, overlays and pages."""

from pose3d.skeleton import EDGES, SIDES

# Okabe and Ito's colours can be distinguished with any kind of colour blindness.
SIDE_COLOURS = {"left": "#56B4E9", "right": "#E69F00", "middle": "#999999"}
EDGE_COLOURS = tuple(SIDE_COLOURS[SIDES[child]] for _, child in EDGES)
JOINT_COLOURS = tuple(SIDE_COLOURS[side] for side in SIDES)
