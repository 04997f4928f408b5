"""The report's weight transfer: conv1-3 from one network to another, by name.

They come from a run folder, a weights file, or the original project's own file: a pickle of W0 b0 W1 b1 W2 b2
written by Python 2. Reading a pickle can call any function that it names, so an unpickler is used that knows
numpy arrays and nothing else.
"""

import pickle

import numpy as np

from pose3d.config import differences, option
from pose3d.errors import UserError
from pose3d.model import weights
from pose3d.model.network import CONV_LAYERS

TRANSFERRED = tuple(f"{layer}.{kind}" for layer in CONV_LAYERS for kind in "Wb")
# What a network must have in common with one that it is the continuation of.
_ALIKE = ("network.activation", "network.dense", "regression.last")


def _dtype(code, align=0, copy=0):
    """numpy.dtype as a pickle calls it; Python 2's wrote the two flags as numbers, which numpy deprecates."""
    return np.dtype(code, align=bool(align), copy=bool(copy))


def _latin1(text, encoding):
    """_codecs.encode, by which Python 3 writes bytes in the protocols of Python 2."""
    if encoding != "latin1":
        raise UserError(f"it asks for the encoding {encoding!r}, which is no numpy array")
    return text.encode("latin1")


# What a pickled numpy array asks for by name, in Python 2's numpy and in today's, in all protocols.
_ARRAY_PARTS = {
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy.core.numeric", "_frombuffer"): np._core.numeric._frombuffer,
    ("numpy._core.numeric", "_frombuffer"): np._core.numeric._frombuffer,
    ("numpy", "ndarray"): np.ndarray,
    ("_codecs", "encode"): _latin1,
    ("numpy", "dtype"): _dtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Reads arrays of numbers; any other name in the file is refused and nothing of it is run."""

    def find_class(self, module, name):
        try:
            return _ARRAY_PARTS[module, name]
        except KeyError:
            raise UserError(f"it asks for {module}.{name}, which is no numpy array") from None


def read_original(path):
    """conv1-3 of the original project's file: dict ``conv1.W`` ... ``conv3.b``.

    The file is a pickle of six arrays W0 b0 W1 b1 W2 b2: one after the other, or as one sequence. A
    `UserError` if it holds anything else.
    """
    arrays = []
    try:
        with open(path, "rb") as file:
            while file.peek(1):
                value = _ArrayUnpickler(file, encoding="latin1").load()
                arrays += value if isinstance(value, list | tuple) else [value]
    except UserError as error:
        raise UserError(f"{path} is refused: {error}") from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise UserError(f"{path} is neither a weights file nor a pickle of arrays ({error})") from error
    kinds = [(a.dtype.kind, a.ndim) if isinstance(a, np.ndarray) else None for a in arrays]
    if kinds != [("f", 4), ("f", 1)] * len(CONV_LAYERS):
        raise UserError(
            f"{path} is refused: it should hold the six arrays W0 b0 W1 b1 W2 b2 and nothing else"
        )
    return dict(zip(TRANSFERRED, arrays, strict=True))


def transfer(path, graph, origin, images=None):
    """Set conv1-3 of a network to those of a run folder, a weights file, or the original project's file.

    Its other weights stay random. A regression network gives all of its weights, to be trained further.
    `origin` is that of the samples that the graph will be trained on; ``transfer.rescale`` measures by
    `images` (N, 128, 128). Returns the `init` of `TrainedOn`, and lines on what is taken and what a user
    should know of data and subjects. A `UserError` if there is nothing to read, the networks do not fit, or
    it was trained on a subject that the graph's settings keep for the test or the validation.
    """
    named, path = path, weights.find(path)
    init = {"path": str(named), "sha256": weights.digest(path)}
    with path.open("rb") as file:
        is_npz = file.read(2) == b"PK"
    params, notes = _read_weights(path, graph, origin) if is_npz else (read_original(path), [])
    is_whole = len(params) > len(TRANSFERRED)
    rescales = graph.config.transfer.rescale and not is_whole
    if not is_npz:
        notes.append(
            f"note: {path} does not say what it was trained on; make sure that it was nobody of the test or "
            "the validation"
        )
    theirs, ours = [params[f"{layer}.b"].size for layer in CONV_LAYERS], list(graph.config.network.kernels)
    if theirs != ours:
        raise UserError(
            f"{path} has kernels {theirs}, the network {ours}: train with {option('network.kernels', theirs)}"
        )
    for name, value in params.items():
        if not np.isfinite(value).all():
            raise UserError(f"{path}: {name} holds numbers that are not finite")
    before = _spread(graph, images) if rescales else None
    try:
        graph.network.set_weights(params)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    if rescales:
        _rescale_fc1(graph, before, _spread(graph, images))
    taken = "all layers" if is_whole else ", ".join(CONV_LAYERS)
    return init, [f"{taken} from {named}", *notes]


def _spread(graph, images):
    """The standard deviation of conv3's outputs over images, cells and maps."""
    return float(np.std(graph.activations(images)[CONV_LAYERS[-1]], dtype=np.float64))


def _rescale_fc1(graph, random, transferred):
    """Let fc1 see what spreads as much as from random weights: its own weights take the factor."""
    if not transferred:
        raise UserError(
            "transfer.rescale: conv3 gives one value for all images with the weights that are transferred; "
            "train the detection network again, with a lower training.learning_rate or a training.warmup"
        )
    weights = graph.network.get_weights()["fc1.W"]
    graph.network.set_weights({"fc1.W": weights * weights.dtype.type(random / transferred)})


def _read_weights(path, graph, origin):
    """What is taken of a weights file, and a note if it was trained on other data."""
    found = weights.load(path)
    _check_unseen(path, found.trained_on, graph.config.data, origin)
    goes_on = found.task == graph.task
    wanted = tuple(graph.network.params) if goes_on else TRANSFERRED
    missing = set(wanted) - set(found.params)
    if missing:
        raise UserError(f"{path} lacks {', '.join(sorted(missing))}: train again")
    params = {name: found.params[name] for name in wanted}
    if goes_on:
        _check_alike(path, found.config, graph.config)
        _rescale_fc3(params, found.scale, graph.scale)
    theirs, notes = found.trained_on.data, []
    if theirs.fingerprint != origin.fingerprint:
        notes.append(f"note: {path} was trained on {theirs}, this run's data are {origin}")
    return params, notes


def _check_alike(path, theirs, ours):
    """A UserError if a regression network cannot be trained further with our settings."""
    for key, value, other in differences(theirs, ours):
        if key in _ALIKE:
            raise UserError(f"{path} has {key} {value}, not {other}: train with {option(key, value)}")
    if theirs.regression.last == "tanh":
        raise UserError(f"{path} cannot be trained further: its regression.last is tanh; name another --init")


def _rescale_fc3(params, theirs, ours):
    """Let fc3 give the same mm by our `TargetScale` as by theirs, a dict of (51,) arrays."""
    ratio, shift = theirs["deviation"] / ours.deviation, (theirs["mean"] - ours.mean) / ours.deviation
    params["fc3.W"] = params["fc3.W"] * ratio
    params["fc3.b"] = params["fc3.b"] * ratio + shift


def _check_unseen(path, theirs, settings, origin):
    """A UserError if a network has seen subjects that `settings` keep for the test or the validation."""
    kind, _, subject = settings.validation.partition(":")
    validation = [subject] if kind == "subject" else []  # who chose the best epoch may choose again
    for key, value, both in (
        ("data.test", list(settings.test), theirs.seen(settings.test, origin)),
        ("data.validation", settings.validation, theirs.seen(validation, origin, chosen_by=False)),
    ):
        if both:
            raise UserError(
                f"{path} was trained with {', '.join(both)}, which {key} keeps from this run: train it again "
                f"with {option(key, value)}"
            )
