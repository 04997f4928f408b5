"""How a network is doing inside: what saturates, what never varies, how long the gradient is."""

import numpy as np

SATURATED = 0.99  # of tanh's range


def activity(graph, images):
    """What the layers do with some images.

    Parameters
    ----------
    graph : pose3d.model.graph.Graph
    images : (N, 128, 128) array, as for `Graph.predict`

    Returns
    -------
    dict of str to float: ``saturated NAME``, the share of a tanh layer's values beyond 0.99 either way, and
        ``constant NAME``, the share of units (of conv1-3 maps) that give one value to all images; a
        network whose outputs are constant has collapsed
    """
    found = {}
    for name, values in graph.activations(images).items():
        units = values.reshape(-1, values.shape[-1]) if values.ndim == 4 else values  # (N H W, C), (N, units)
        if name in graph.network.tanh_layers:
            found[f"saturated {name}"] = float(np.mean(np.abs(units) > SATURATED))
        found[f"constant {name}"] = float(np.mean(np.ptp(units, axis=0) == 0))
    return found


def gradient_norm(graph, images, targets):
    """Euclidean length of the cost's gradient for a minibatch, all parameters together, without decay.

    Taken from an update that is undone bit by bit: no second function needs to be compiled.

    Parameters
    ----------
    graph : pose3d.model.graph.Graph
    images : (N, 128, 128) array
    targets : (N, width) array
    """
    weights, (velocity, generator) = graph.network.get_weights(), graph.get_state()
    hyper = {name: value.get_value() for name, value in graph.hyper.items()}
    graph.set_state({name: np.zeros_like(value) for name, value in velocity.items()}, generator)
    graph.set_hyper(rate=1.0, decay=0.0)  # from rest Eq. (7) then is v = -g
    try:
        graph.step(images, targets)
        gradient, _ = graph.get_state()
    finally:
        graph.network.set_weights(weights)
        graph.set_state(velocity, generator)
        graph.set_hyper(**hyper)
    return float(np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in gradient.values())))
