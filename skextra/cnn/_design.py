"""Design: all that decides which network a classifier has, but for the numbers in it."""

import json
from contextlib import contextmanager
from dataclasses import dataclass

from skextra.cnn._augmentation import check_augmentation
from skextra.cnn._build import (
    built_model,
    built_network,
    config_key,
    copied_model,
    on_logits,
    taken_shape,
)
from skextra.cnn._cache import NETWORKS, TRAINERS
from skextra.cnn._configured import configured_model, with_ends
from skextra.cnn._identity import described
from skextra.cnn._keras import LOCK, keras, numbers_of, reason
from skextra.cnn._layers import plan_of
from skextra.cnn._model import check_names, model_of
from skextra.cnn._network import Network
from skextra.cnn._trainer import Trainer, optimizer_of
from skextra.cnn._training import leaves_no_trace


@dataclass
class Design:
    """A network yet to be made.

    Parameters
    ----------
    plan : tuple or None
        Its layers; None if the user's function makes it.

    l2 : list of float
        Factors of the penalties of the layers with weights.

    build : callable or None
        The user's function.

    image_shape : tuple of int
        (height, width, channels).

    n_classes : int
        Number of classes.

    dtype : str
        'float32' or 'float64'; with `build` the model has its own.

    seed : int
        Of all that is drawn.

    config : str, default=None
        The model in Keras's JSON, where it was changed after the fit. It then comes before the
        plan and the function.
    """

    plan: tuple | None
    l2: list
    build: object
    image_shape: tuple
    n_classes: int
    dtype: str
    seed: int
    config: str | None = None

    @property
    def key(self):
        """What tells networks apart; None for those of the user's function."""
        if self.config is not None:
            return self.config
        if self.plan is None:
            return None
        return self.plan, self.image_shape, self.n_classes, self.dtype

    def network(self):
        """Return a new network: the model on logits, ready to compute for any weights."""
        if self.config is not None:
            with LOCK:
                model = configured_model(self.config)
                shape = taken_shape(model, self.image_shape)
                return Network(on_logits(model, shape), shape, self.n_classes)
        if self.plan is None:
            return built_network(self.model(), self.image_shape, self.n_classes)
        check_names(self.plan)
        with LOCK:
            try:
                model = model_of(self.plan, self.image_shape, self.n_classes, self.dtype)
                return Network(model, self.image_shape, self.n_classes)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"Keras cannot make the layers that the parameters ask for: {reason(error)}"
                ) from error

    def model(self, scale=None):
        """Return a new Keras model to be shown: with probabilities, or what the user's puts out.

        Parameters
        ----------
        scale : int or str, default=None
            With a number the model takes pixels that it divides by it.
        """
        if self.config is not None:
            built = self.plan is None
            return configured_model(self.config) if built else with_ends(self.config, scale)
        if self.plan is None:
            return built_model(self.build, self.image_shape, self.n_classes, self.seed)
        with LOCK:
            return model_of(
                self.plan, self.image_shape, self.n_classes, self.dtype, output="softmax",
                divisor=scale if isinstance(scale, int) else None, seed=self.seed, l2=self.l2,
            )  # fmt: skip

    def model_on_logits(self, weights):
        """Return a new Keras model with weights, which takes what the network takes."""
        if self.config is not None:
            model = configured_model(self.config)
            model = on_logits(model, taken_shape(model, self.image_shape))
        elif self.plan is None:
            model = self.network_with(weights)[0].model
            # Where it cannot be copied, it is one that no other estimator has.
            copied = copied_model(model)
            model = model if copied is None else copied
        else:
            with LOCK:
                model = model_of(
                    self.plan, self.image_shape, self.n_classes, self.dtype,
                    seed=self.seed, l2=self.l2,
                )  # fmt: skip
        model.set_weights(weights)
        return model

    def network_with(self, weights):
        """Return a network, and weights as the tensors that it computes with."""
        return NETWORKS.find(weights, self.key, self.network)

    @contextmanager
    def trainer(self, cnn, weights=None, slots=None):
        """Lend a trainer that stands at its start, or where `weights` and `slots` are.

        Parameters
        ----------
        cnn : CNNClassifier
            Whose parameters say how to train.

        weights, slots : list of ndarray, default=None
            Of an earlier training.
        """
        self._check_policy(cnn.dtype)
        model = None if self.plan is not None else self.model()
        kind = self.key if model is None else config_key(model)
        augmentation = check_augmentation(cnn.augmentation)
        if weights is None and model is not None:
            weights = [numbers_of(weight) for weight in model.weights]

        key = None
        if kind is not None and all(map(leaves_no_trace, cnn.callbacks or ())):
            key = kind, optimizer_key(cnn), augmentation

        def make():
            if model is None:
                network = self.network()
            else:
                network = built_network(model, self.image_shape, self.n_classes)
            looped = key is not None
            return Trainer(network, self.plan, optimizer_of(cnn), augmentation, looped)

        with TRAINERS.lend(key, make) as trainer:
            if key is not None:
                NETWORKS.keep(self.key, trainer.network)
            if weights is not None:
                trainer.network.check(weights)
            trainer.begin(self.seed, weights, slots, cnn.learning_rate, self.l2)
            yield trainer

    def _check_policy(self, dtype):
        """Raise ValueError if Keras is set to a precision that nobody has said to leave."""
        policy = keras().config.dtype_policy().name
        left = dtype != "auto" or self.plan is None  # models of users' follow it
        if not left and policy not in ("float32", "float64"):
            raise ValueError(
                f"Keras is set to compute in {policy!r} (keras.config.set_dtype_policy), but "
                f"CNNClassifier computes in float32 or float64. Set dtype={self.dtype!r} to do so "
                "all the same, or return a model in mixed precision from build."
            )

    def identity(self):
        """Return a string that tells networks apart."""
        if self.plan is not None:
            return repr(self.key)
        key = config_key(self.model())
        return described(self.build) if key is None else key


def optimizer_key(cnn):
    """Return what tells optimizers apart, but for the learning rate."""
    momentum = cnn.momentum if cnn.optimizer == "sgd" else None
    return json.dumps([cnn.optimizer, momentum], sort_keys=True, default=repr)


def design_of(cnn):
    """Return the design of the network of a classifier."""
    return Design(
        cnn._plan, cnn._l2, getattr(cnn, "_build", None), cnn.image_shape_,
        len(cnn.classes_), cnn._dtype, cnn._seed, getattr(cnn, "_config", None),
    )  # fmt: skip


def layers_of(cnn):
    """Return the plan of the layers and their penalties as the parameters ask."""
    if cnn.build is None:
        return plan_of(cnn, cnn.image_shape_, cnn._guessed)
    cnn._check_number("l2", low=0)
    return None, float(cnn.l2)
