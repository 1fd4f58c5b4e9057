"""Pool: trainers and their compiled steps, kept for the fits to come."""

import json
from contextlib import contextmanager

from skextra.cnn._keras import LOCK, keras, numbers_of
from skextra.cnn._network._build import built_network, config_key
from skextra.cnn._network._cache import NETWORKS
from skextra.cnn._training._augmentation import check_augmentation
from skextra.cnn._training._trainer import Trainer, optimizer_of
from skextra.cnn._training._training import leaves_no_trace

_MOST_TRAINERS = 8


class TrainerPool:
    """Trainers that wait for the next fit of the same kind; a fit has its own while it runs."""

    def __init__(self):
        self._waiting = []

    @contextmanager
    def lend(self, key, make):
        """Lend a trainer, which comes back unless `key` is None or there is an error."""
        with LOCK:
            trainer = self._taken(key)
            if trainer is None:
                trainer = make()
        yield trainer
        if key is None:
            return
        with LOCK:
            self._waiting.append((key, trainer))
            del self._waiting[:-_MOST_TRAINERS]

    def _taken(self, key):
        for i in reversed(range(len(self._waiting))):
            if key is not None and self._waiting[i][0] == key:
                return self._waiting.pop(i)[1]
        return None

    def __len__(self):
        return len(self._waiting)


TRAINERS = TrainerPool()


@contextmanager
def lent_trainer(design, cnn, weights=None, slots=None):
    """Lend a trainer that stands at its start, or where `weights` and `slots` are.

    Parameters
    ----------
    design : Design
        Of the network.

    cnn : CNNClassifier
        Whose parameters say how to train.

    weights, slots : list of ndarray, default=None
        Of an earlier training.
    """
    _check_policy(design, cnn.dtype)
    model = None if design.plan is not None else design.model()
    kind = design.key if model is None else config_key(model)
    augmentation = check_augmentation(cnn.augmentation)
    if weights is None and model is not None:
        weights = [numbers_of(weight) for weight in model.weights]

    key = None
    if kind is not None and all(map(leaves_no_trace, cnn.callbacks or ())):
        key = kind, optimizer_key(cnn), augmentation

    def make():
        if model is None:
            network = design.network()
        else:
            network = built_network(model, design.image_shape, design.n_classes)
        looped = key is not None
        return Trainer(network, design.plan, optimizer_of(cnn), augmentation, looped)

    with TRAINERS.lend(key, make) as trainer:
        if key is not None:
            NETWORKS.keep(design.key, trainer.network)
        if weights is not None:
            trainer.network.check(weights)
        trainer.begin(design.seed, weights, slots, cnn.learning_rate, design.l2)
        yield trainer


def _check_policy(design, dtype):
    """Raise ValueError if Keras is set to a precision that nobody has said to leave."""
    policy = keras().config.dtype_policy().name
    left = dtype != "auto" or design.plan is None  # models of users' follow it
    if not left and policy not in ("float32", "float64"):
        raise ValueError(
            f"Keras is set to compute in {policy!r} (keras.config.set_dtype_policy), but "
            f"CNNClassifier computes in float32 or float64. Set dtype={design.dtype!r} to do so "
            "all the same, or return a model in mixed precision from build."
        )


def optimizer_key(cnn):
    """Return what tells optimizers apart, but for the learning rate."""
    momentum = cnn.momentum if cnn.optimizer == "sgd" else None
    return json.dumps([cnn.optimizer, momentum], sort_keys=True, default=repr)
