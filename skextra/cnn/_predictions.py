"""Predictions: what a fitted network predicts, shows and writes to a file."""

import copy
from dataclasses import replace
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from sklearn.utils.validation import check_is_fitted

from skextra._typing import FloatArray, KerasModel, LabelArray, MatrixLike
from skextra.cnn._archive import load_archive, save_archive
from skextra.cnn._keras import keras
from skextra.cnn._network._design import Build, Design
from skextra.cnn._network._pixels import range_of
from skextra.cnn._network._rows import read_images


class Predictions:
    """The attributes and methods of a fitted CNNClassifier."""

    classes_: LabelArray
    image_shape_: tuple[int, int, int]
    weights_: list[FloatArray]
    history_: dict[str, list[float]]
    n_iter_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    _design: Design
    _epochs_seen: int
    # Variables of the optimizer to continue from and what they belong to; None after `load`.
    _slots: list[FloatArray] | None = None
    _slots_of: str | None = None

    def predict(self, X: MatrixLike) -> LabelArray:
        """Predict the class of every image.

        Parameters
        ----------
        X : array-like
            Images, in the format that `fit` takes.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels.
        """
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: MatrixLike) -> NDArray[np.float64]:
        """Return the probability of every class.

        Parameters
        ----------
        X : array-like
            Images, in the format that `fit` takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities: the softmax of the outputs of the network, in float64.
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X: MatrixLike) -> NDArray[np.float64]:
        """Return the logarithm of the probability of every class.

        Parameters
        ----------
        X : array-like
            Images, in the format that `fit` takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms, finite even where the probability is 0 in float64.
        """
        return log_softmax(self._logits(X), axis=1)

    def decision_function(self, X: MatrixLike) -> NDArray[np.float64]:
        """Return the outputs of the network before the softmax.

        Parameters
        ----------
        X : array-like
            Images, in the format that `fit` takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples,)
            Logits. With two classes: the second minus the first.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def __dir__(self) -> list[str]:
        # Code that lists an estimator's attributes often reads their values too: scikit-learn does
        # in dir() itself, and to show it in a notebook. For model_ that would import TensorFlow
        # and build a network.
        names = object.__dir__(self)
        return [name for name in names if name != "model_" and hasattr(self, name)]

    @property
    def model_(self) -> KerasModel:
        """A new, independent Keras model with the weights of the network.

        It takes images in the shape of `image_shape_`, which for signals begins with a height of
        1, and returns probabilities. If the training images were integers that are divided, it
        divides them. A model of `build` is as `build` returns it, and takes them divided. Changes
        of the model do not affect the estimator.
        """
        check_is_fitted(self)
        if not self.weights_:
            (label,) = self.classes_.tolist()
            raise AttributeError(
                f"There is no model_: y had one class, {label!r}, predicted without a network."
            )
        model = self._design.model()
        model.set_weights(self.weights_)
        return model

    @property
    def loss_curve_(self) -> NDArray[np.float64]:
        """Training loss after each epoch, ndarray of shape (n_epochs,)."""
        check_is_fitted(self)
        return np.array(self.history_["loss"])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the estimator to a file in Keras's `.keras` format.

        ``keras.models.load_model`` opens it as `model_`; a compressed network needs
        :func:`skextra.cnn.load_model` for that. The file does not hold `build`, `callbacks`,
        `checkpoint` and the state of the optimizer, from which `partial_fit` would continue;
        pickle keeps them.

        Parameters
        ----------
        path : str or path
            The file, which must end in ``.keras``.

        Raises
        ------
        ValueError
            If a parameter or a label cannot be written as text, or there is no network, as y had
            one class.
        """
        check_is_fitted(self)
        save_archive(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str], *, build: Build | None = None) -> Self:
        """Read an estimator that `save` has written.

        No code in the file is run: it holds numbers and text, and Keras reads it in safe mode.

        Parameters
        ----------
        path : str or path
            The file.

        build : callable, default=None
            The parameter `build` of the estimator that was saved, which is not in the file.

        Returns
        -------
        CNNClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If the file was not written by `save`, or `build` is missing.
        """
        return load_archive(cls, path, build)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        design = state.pop("_design", None)
        return state if design is None else {**state, **design.as_attributes()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "_plan" in state:
            state["_design"] = Design.from_attributes(state)
        super().__setstate__(state)

    def _changed(self, weights: list[FloatArray], config: str) -> Self:
        """Return a copy of the classifier with another network, which shares nothing mutable.

        Parameters
        ----------
        weights : list of ndarray
            Its weights.

        config : str
            Its model on logits in Keras's JSON.
        """
        changed = copy.copy(self)
        for weight in weights:
            weight.flags.writeable = False
        changed.weights_ = weights
        changed.history_ = {name: list(values) for name, values in self.history_.items()}
        changed._design = replace(self._design, config=config)
        changed._slots = changed._slots_of = None
        return changed

    def _logits(self, X: MatrixLike) -> NDArray[np.float64]:
        check_is_fitted(self)
        X = read_images(self, X)
        if not self.weights_:
            return np.zeros((len(X), len(self.classes_)))
        keras()  # raises if it is missing, or if the process was forked
        network, tensors = self._design.network_with(self.weights_)
        logits = network.logits(tensors, X)
        if not np.isfinite(logits).all():
            raise ValueError(
                f"The outputs of the network are not finite for X, which goes up to "
                f"{range_of(X).size:g}; put X on the scale that it had in fit."
            )
        return logits
