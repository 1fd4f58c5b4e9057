"""Predictions: what a fitted network says, shows and writes to a file."""

import copy
from dataclasses import replace

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.utils.validation import check_is_fitted

from skextra.cnn._archive import load_archive, save_archive
from skextra.cnn._keras import keras
from skextra.cnn._network._design import Design
from skextra.cnn._network._pixels import range_of
from skextra.cnn._network._rows import read_images


class Predictions:
    """The methods of a fitted CNNClassifier."""

    def predict(self, X):
        """Return the most probable class of every image.

        Parameters
        ----------
        X : array-like
            Images, in the form that `fit` takes.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X):
        """Return the probability of every class.

        Parameters
        ----------
        X : array-like
            Images, in the form that `fit` takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities: the softmax of the outputs of the network, in float64.
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X):
        """Return the logarithm of the probability of every class.

        Parameters
        ----------
        X : array-like
            Images, in the form that `fit` takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms, finite where the probability itself is 0 in float64.
        """
        return log_softmax(self._logits(X), axis=1)

    def decision_function(self, X):
        """Return the outputs of the network before the softmax.

        Parameters
        ----------
        X : array-like
            Images, in the form that `fit` takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples,)
            Logits; with two classes the second minus the first.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def __dir__(self):
        # Whoever lists an estimator's attributes also asks for their values: scikit-learn does in
        # dir() itself, and to show it in a notebook. For model_ that would import TensorFlow and
        # build a network.
        names = object.__dir__(self)
        return [name for name in names if name != "model_" and hasattr(self, name)]

    @property
    def model_(self):
        """A new Keras model with the weights of the network, which stands by itself.

        It takes images in the shape of `image_shape_`, which for signals begins with a height of
        1, and puts out probabilities. If the training images were integers that are divided, it
        divides them. A model of `build` is as that makes it, and takes them divided. What is done
        to it does not come back.
        """
        check_is_fitted(self)
        if not self.weights_:
            (label,) = self.classes_.tolist()
            raise AttributeError(
                f"There is no model_: y had one class, {label!r}, predicted without a network."
            )
        model = self._design.model(self._design.scale)
        model.set_weights(self.weights_)
        return model

    @property
    def loss_curve_(self):
        """Training loss after each epoch, ndarray of shape (n_epochs,)."""
        check_is_fitted(self)
        return np.array(self.history_["loss"])

    def save(self, path):
        """Write the estimator to a file in Keras's `.keras` format.

        Any Keras can open it with ``keras.models.load_model`` and gets `model_`; a network that
        was made smaller needs :func:`skextra.cnn.load_model` for that. Not in the file
        are `build`, `callbacks`, `checkpoint` and the running averages of the optimizer, which
        `partial_fit` would go on from; pickle keeps them.

        Parameters
        ----------
        path : str or path
            Where to; it must end in ``.keras``.

        Raises
        ------
        ValueError
            If a parameter or a label cannot be written as text, or there is no network, as y had
            one class.
        """
        check_is_fitted(self)
        save_archive(self, path)

    @classmethod
    def load(cls, path, *, build=None):
        """Read an estimator that `save` has written.

        Nothing in the file is run: it holds numbers and text, and Keras reads it in safe mode.

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

    def __getstate__(self):
        state = dict(super().__getstate__())
        design = state.pop("_design", None)
        return state if design is None else {**state, **design.as_attributes()}

    def __setstate__(self, state):
        state = dict(state)
        if "_plan" in state:
            state["_design"] = Design.from_attributes(state)
        super().__setstate__(state)

    def _changed(self, weights, config):
        """Return a classifier with another network, which shares nothing that can change.

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

    def _logits(self, X):
        check_is_fitted(self)
        X = read_images(self, X)
        if not self.weights_:
            return np.zeros((len(X), len(self.classes_)))
        keras()  # says so if there is none, or if the process was forked
        network, tensors = self._design.network_with(self.weights_)
        logits = network.logits(tensors, X)
        if not np.isfinite(logits).all():
            raise ValueError(
                f"The outputs of the network are not finite for X, which goes up to "
                f"{range_of(X).size:g}; put X on the scale that it had in fit."
            )
        return logits
