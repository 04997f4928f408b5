"""HTML page: one self-contained file with an interactive viewer of prediction and ground truth."""

import base64
import html
import io
import json
import string
from dataclasses import dataclass
from importlib import resources

import numpy as np
from PIL import Image

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.dataset.windows import N_WINDOWS, window_bounds
from pose3d.errors import UserError
from pose3d.evaluation.metrics import joint_errors
from pose3d.io.atomic_files import whole
from pose3d.recordings.human36m import FRAMES_PER_SECOND
from pose3d.report.colours import SIDE_COLOURS
from pose3d.report.plots.drawing import axis_scale
from pose3d.skeleton import EDGES, JOINTS, SIDES

_VIEWER_NOTE = (
    "frames. Rotate both skeletons with the mouse, a finger or the buttons. "
    "Change the frame with the slider or its arrow keys. Depth points away from the camera."
)
TILES = 20  # images per row of the PNG that holds them all
# Sides and curves differ in dashes as well as in colour.
_DASHES = {"left": "solid", "right": "dash", "middle": "solid"}
_CURVES = (("#0072B2", "solid"), ("#D55E00", "dash"), ("#009E73", "dashdot"))


@dataclass
class Curve:
    """A learning curve: title, rows (of `read_table`), dict of columns to names in the legend, label."""

    title: str
    rows: list
    names: dict
    label: str


@dataclass
class Shown:
    """Frames in the viewer."""

    images: np.ndarray  # (n, 128, 128), uint8
    predictions: np.ndarray  # (n, 17, 3), mm, camera frame, pelvis-relative
    truths: np.ndarray  # (n, 17, 3), likewise
    titles: list  # n
    rate: float = FRAMES_PER_SECOND  # frames per second of playback
    maps: np.ndarray | None = None  # (n, 17, 100), probabilities of the detection network, or None


def write_page(path, title, subtitle, headline, shown, tables=(), curves=(), footer=""):
    """Write the HTML page; a `UserError` if plotly is not installed.

    The headline is a dict of metric to (value, what it means), all str; `shown` is a `Shown`, `tables` are of
    `pose3d.io.tables.Table`, `curves` of `Curve`.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise UserError("the HTML page needs plotly; pip install 'pose3d[report]'") from error
    read = resources.files("pose3d.report").joinpath
    data = {**_viewer(shown), "curves": [_curve(curve) for curve in curves]}
    text = string.Template(read("page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        subtitle=html.escape(subtitle),
        footer=html.escape(footer),
        style=read("page.css").read_text(encoding="utf-8"),
        headline="".join(
            f'<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd><dd class="meaning">'
            f"{html.escape(meaning)}</dd></div>"
            for name, (value, meaning) in headline.items()
        ),
        viewer_note=f"{len(shown.titles)} {_VIEWER_NOTE}",
        curves_note="" if curves else "<p>There is no curve.csv in the run folder.</p>",
        tables="\n".join(map(_table, tables)),
        library=get_plotlyjs(),
        data=json.dumps(data, separators=(",", ":")).replace("</", "<\\/"),  # would end the script element
        script=read("page.js").read_text(encoding="utf-8"),
    )
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _viewer(shown):
    """Data for page.js."""
    both = np.stack([shown.predictions, shown.truths])
    low, high = both.min(axis=(0, 1, 2)), both.max(axis=(0, 1, 2))
    parts = {
        side: {
            "edges": [list(edge) for edge in EDGES if SIDES[edge[1]] == side],
            "colour": colour,
            "dash": _DASHES[side],
        }
        for side, colour in SIDE_COLOURS.items()
    }
    maps = None
    if shown.maps is not None:
        levels = np.round(255 * np.reshape(shown.maps, (-1, len(JOINTS), N_WINDOWS))).astype(np.uint8)
        maps = base64.b64encode(levels.tobytes()).decode()
    return {
        "side": IMAGE_SIDE,
        "columns": TILES,
        "rate": shown.rate,
        "tiles": "data:image/png;base64," + base64.b64encode(_tiles(shown.images)).decode(),
        "titles": list(shown.titles),
        "errors": joint_errors(shown.predictions, shown.truths).mean(axis=1).round(2).tolist(),
        "predictions": np.round(shown.predictions, 1).tolist(),
        "truths": np.round(shown.truths, 1).tolist(),
        "ranges": np.stack([low - 50, high + 50], axis=1).round().tolist(),
        "parts": parts,
        "joints": list(JOINTS),
        "windows": window_bounds().round(3).tolist(),
        "maps": maps,
    }


def _tiles(images):
    """All images as one PNG, `TILES` per row."""
    rows = -(-len(images) // TILES)
    padded = np.zeros((rows * TILES, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    padded[: len(images)] = images
    sheet = padded.reshape(rows, TILES, IMAGE_SIDE, IMAGE_SIDE).swapaxes(1, 2)
    file = io.BytesIO()
    Image.fromarray(sheet.reshape(rows * IMAGE_SIDE, -1)).save(file, "PNG", optimize=True)
    return file.getvalue()


def _curve(curve):
    """Data and layout of a learning curve for plotly; missing values are skipped."""
    lines = []
    for (key, name), (colour, dash) in zip(curve.names.items(), _CURVES, strict=False):
        rows = [row for row in curve.rows if row.text(key, "")]
        x, y = [int(row.number("epoch")) for row in rows], [row.number(key) for row in rows]
        style = {"type": "scatter", "mode": "lines", "line": {"color": colour, "dash": dash}}
        lines.append({**style, "name": name, "x": x, "y": y})
    scale = axis_scale([value for line in lines for value in line["y"]])
    # 1, 2 and 5 of each decade; plotly's own labels omit the zeros of 50.
    ticks = {"tickvals": [i * 10.0**e for e in range(-6, 7) for i in (1, 2, 5)]} if scale == "log" else {}
    layout = {
        "title": {"text": curve.title, "font": {"size": 15}},
        "xaxis": {"title": {"text": "epoch"}, "dtick": -(-len(curve.rows) // 12)},  # whole epochs
        "yaxis": {"title": {"text": curve.label}, "type": scale, "rangemode": "tozero", **ticks},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
        "margin": {"l": 60, "r": 10, "t": 50, "b": 45},
    }
    return {"data": lines, "layout": layout}


def _table(table):
    kinds = [' class="number"' if right else "" for right in table.is_number()]

    def row(cells, tag):
        pairs = zip(kinds, map(html.escape, cells), strict=True)
        return f"<tr>{''.join(f'<{tag}{kind}>{cell}</{tag}>' for kind, cell in pairs)}</tr>"

    return (
        f'<h3>{html.escape(table.title)}</h3><div class="table" tabindex="0"><table>'
        f"<thead>{row(table.columns, 'th')}</thead>"
        f"<tbody>{''.join(row(cells, 'td') for cells in table.cells())}</tbody></table></div>"
    )
