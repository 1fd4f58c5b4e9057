"""Design: all that decides which network a classifier has, except the values of its weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from skextra._typing import FloatArray, KerasModel
from skextra.cnn._keras import LOCK, reason
from skextra.cnn._models._configured import configured_model, with_ends
from skextra.cnn._network._build import (
    built_model,
    built_network,
    copied_model,
    on_logits,
    taken_shape,
)
from skextra.cnn._network._cache import NETWORKS
from skextra.cnn._network._model import check_names, model_of
from skextra.cnn._network._network import Network

# Is given image_shape and n_classes, and returns a Keras model, which has no type.
Build: TypeAlias = Callable[[tuple[int, int, int], int], Any]

# In files and pickles of any version these fields are attributes of the classifier with an
# underscore before them, so that a file holds no other class than that of the classifier.
_STORED = ("plan", "l2", "build", "guessed", "scale", "dtype", "seed", "config")


@dataclass(frozen=True)
class Design:
    """What a fit has settled, and what a network is made from.

    Parameters
    ----------
    plan : tuple or None
        Its layers; None if the user's function makes it.

    l2 : tuple of float, or float with `build`
        Factors of the penalties of the layers with weights.

    build : callable or None
        The user's function.

    image_shape : tuple of int
        (height, width, channels).

    n_classes : int
        Number of classes.

    guessed : bool
        Whether the shape of the images is a guess.

    scale : int or str
        What `scale_of` returned for the training images.

    dtype : str
        'float32' or 'float64'; with `build` the model has its own.

    seed : int
        Seed of all that is drawn.

    config : str, default=None
        The model in Keras's JSON, where it was changed after the fit. It then takes the place of
        the plan and the function.
    """

    plan: tuple | None
    l2: tuple[float, ...] | float
    build: Build | None
    image_shape: tuple[int, int, int]
    n_classes: int
    guessed: bool
    scale: int | str
    dtype: str
    seed: int
    config: str | None = None

    @classmethod
    def from_attributes(cls, attributes: dict[str, Any]) -> Self:
        """Return the design that the attributes of a classifier hold, and remove it from them."""
        stored = {name: attributes.pop(f"_{name}", None) for name in _STORED}
        shape, n_classes = attributes["image_shape_"], len(attributes["classes_"])
        return cls(image_shape=shape, n_classes=n_classes, **stored)

    def as_attributes(self) -> dict[str, Any]:
        """Return the design as attributes of a classifier, for files."""
        return {f"_{name}": getattr(self, name) for name in _STORED}

    @property
    def key(self) -> tuple | str | None:
        """What tells networks apart; None for those of the user's function."""
        if self.config is not None:
            return self.config
        if self.plan is None:
            return None
        return self.plan, self.image_shape, self.n_classes, self.dtype

    def network(self) -> Network:
        """Return a new network on logits, for any weights."""
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
                return Network(model, self.image_shape, self.n_classes, gives_probabilities=False)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"Keras cannot make the layers that the parameters ask for: {reason(error)}"
                ) from error

    def model(self) -> KerasModel:
        """Return a new Keras model for the user: pixels in, probabilities out, or as `build`."""
        if self.config is not None:
            built = self.plan is None
            return configured_model(self.config) if built else with_ends(self.config, self.scale)
        if self.plan is None:
            return built_model(self.build, self.image_shape, self.n_classes, self.seed)
        with LOCK:
            return model_of(
                self.plan, self.image_shape, self.n_classes, self.dtype, output="softmax",
                divisor=self.scale if isinstance(self.scale, int) else None,
                seed=self.seed, l2=self.l2,
            )  # fmt: skip

    def model_on_logits(self, weights: list[FloatArray]) -> KerasModel:
        """Return a new Keras model on logits with these weights."""
        if self.config is not None:
            model = configured_model(self.config)
            model = on_logits(model, taken_shape(model, self.image_shape))
        elif self.plan is None:
            model = self.network_with(weights)[0].model
            # If it cannot be copied, no other estimator shares it.
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

    def network_with(self, weights: list[FloatArray]) -> tuple[Network, list]:
        """Return a network, and the weights as the tensors that it computes with."""
        return NETWORKS.find(weights, self.key, self.network)
