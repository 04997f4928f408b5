"""Tables, figures, videos and the HTML page."""

import os

# Matplotlib does not load if the environment names a backend that is not installed here, as a notebook names
# its own for what it starts. Figures are drawn by a backend of their own (`drawing.new_figure`).
_named = os.environ.pop("MPLBACKEND", None)
import matplotlib as _  # noqa: E402, F401

if _named is not None:
    os.environ["MPLBACKEND"] = _named


def draw_curve(*arguments):
    """`figures.curve_figure`, imported when it is called: ranks that draw nothing start sooner."""
    from pose3d.report.figures import curve_figure

    curve_figure(*arguments)
