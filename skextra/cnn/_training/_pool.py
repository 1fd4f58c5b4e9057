"""Pool: trainable networks and their compiled steps, kept for the fits to come."""

import json
from contextlib import contextmanager

import numpy as np

from skextra.cnn._keras import LOCK, keras, values_of
from skextra.cnn._network._build import built_network, config_key
from skextra.cnn._network._cache import NETWORKS
from skextra.cnn._training._keras_callbacks import leaves_no_trace
from skextra.cnn._training._trainable import TrainableNetwork, optimizer_of

# As many as the notes of CNNClassifier promise. Each takes about 10 MB, and 1.5 s to compile
# (benchmarks/network_constants.py): a grid search over more architectures compiles them again.
_MOST_TRAINABLE = 8


class Pool:
    """Trainable networks that wait for a fit of the same kind; a fit has its own while it runs."""

    def __init__(self):
        self._waiting = []

    def take(self, key):
        """Return a network of a kind, which leaves the pool; None if there is none."""
        for i in reversed(range(len(self._waiting))):
            if key is not None and self._waiting[i][0] == key:
                return self._waiting.pop(i)[1]
        return None

    def give_back(self, key, trainable):
        """Keep a network, in place of the one used longest ago."""
        self._waiting.append((key, trainable))
        del self._waiting[:-_MOST_TRAINABLE]

    def __len__(self):
        return len(self._waiting)


POOL = Pool()


@contextmanager
def trainable_network(cnn, weights=None, slots=None):
    """Lend the network of a classifier, which goes back to the pool unless there is an error.

    Parameters
    ----------
    cnn : CNNClassifier
        Whose design says what the network is, and whose parameters how to train it.

    weights, slots : list of ndarray, default=None
        Of an earlier training, to continue from.
    """
    design = cnn._design
    _check_policy(design, cnn.dtype)
    model = None if design.plan is not None else design.model()
    kind = design.key if model is None else config_key(model)
    augmentation = tuple(sorted((cnn.augmentation or {}).items()))
    penalised = bool(np.any(design.l2))
    if weights is None and model is not None:
        weights = values_of(model.weights)
    key = None
    if kind is not None and all(map(leaves_no_trace, cnn.callbacks or ())):
        key = kind, optimizer_key(cnn), augmentation, penalised
    with LOCK:
        trainable = POOL.take(key)
        if trainable is None:
            if model is None:
                network = design.network()
            else:
                network = built_network(model, design.image_shape, design.n_classes)
            trainable = TrainableNetwork(
                network, design.plan, optimizer_of(cnn), augmentation, penalised,
                looped=key is not None,
            )  # fmt: skip
    if key is not None:
        NETWORKS.keep(design.key, trainable.network)
    if weights is not None:
        trainable.network.check(weights)
    trainable.begin(design.seed, weights, slots, cnn.learning_rate, design.l2)
    yield trainable
    if key is not None:
        with LOCK:
            POOL.give_back(key, trainable)


def _check_policy(design, dtype):
    """Raise ValueError if Keras is set to another precision and no parameter overrules it."""
    policy = keras().config.dtype_policy().name
    left = dtype != "auto" or design.plan is None  # models of users' follow it
    if not left and policy not in ("float32", "float64"):
        raise ValueError(
            f"Keras is set to compute in {policy!r} (keras.config.set_dtype_policy), but "
            f"CNNClassifier computes in float32 or float64. Set dtype={design.dtype!r} to do so "
            "regardless, or return a model in mixed precision from build."
        )


def optimizer_key(cnn):
    """Return what tells optimizers apart, except the learning rate."""
    momentum = cnn.momentum if cnn.optimizer == "sgd" else None
    return json.dumps([cnn.optimizer, momentum], sort_keys=True, default=repr)
