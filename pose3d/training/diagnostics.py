"""Signs of trouble inside a network: saturated layers, and units that never vary."""

import numpy as np

from pose3d.model.network import CONV_LAYERS

SATURATED = 0.99  # of tanh's range
TOO_MUCH = 0.5  # share of a layer's values from which a warning is logged
# A map is called saturated if more than this share of its values is, and what is transferred is of little use
# if a third of all maps are saturated or constant.
MAP_SATURATED, USELESS = 0.9, 1 / 3


def activity(graph, images):
    """Measure what the layers do with some images: a dict of str to float.

    ``saturated NAME`` is the share of a tanh layer's values beyond 0.99 either way, ``constant NAME`` the
    share of units (of conv1-3: maps) that give one value to all images. A network whose outputs are constant
    has collapsed.
    """
    found = {}
    for name, values in graph.activations(images).items():
        units = values.reshape(-1, values.shape[-1]) if values.ndim == 4 else values  # (N H W, C), (N, units)
        if name in graph.network.tanh_layers:
            found[f"saturated {name}"] = float(np.mean(np.abs(units) > SATURATED))
        found[f"constant {name}"] = float(np.mean(np.ptp(units, axis=0) == 0))
    return found


def warnings(rows):
    """Yield a line for each layer that is in trouble now and was not before: one for each in a run.

    `rows` are those of the learning curve, with what `activity` measured in each epoch.
    """
    for key, share in rows[-1].items():
        kind, _, layer = key.partition(" ")
        if (kind != "saturated" and key != "constant fc3") or not share > TOO_MUCH:
            continue
        if any(row[key] > TOO_MUCH for row in rows[:-1]):
            continue
        if kind == "saturated":
            yield f"{layer}: {100 * share:.0f} % saturated (|tanh| > 0.99): lower training.learning_rate"
        else:
            yield f"{100 * share:.0f} % of the outputs are the same for all images: collapsed"


def transferred_maps(graph, images):
    """Lines on what weight transfer hands over: for each of conv1-3, how many maps say little."""
    lines, useless, activations = [], [], graph.activations(images)
    for name in CONV_LAYERS:
        maps = activations[name].reshape(-1, activations[name].shape[-1])  # (N H W, C)
        constant = np.ptp(maps, axis=0) == 0
        saturated = ~constant & (name in graph.network.tanh_layers)
        saturated &= np.mean(np.abs(maps) > SATURATED, axis=0) > MAP_SATURATED
        lines.append(
            f"{name}: of {maps.shape[1]} maps {constant.sum()} constant, {saturated.sum()} saturated"
        )
        useless.extend(constant | saturated)
    if np.mean(useless) >= USELESS:
        lines.append(
            "warning: a third of the maps say little; train detection longer, or with a lower "
            "training.learning_rate"
        )
    return lines
