"""Subject: one interface to a Keras model and to a fitted classifier, to inspect and change it."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from skextra.cnn._classifier import CNNClassifier
from skextra.cnn._keras import keras, values_of
from skextra.cnn._models._graph import check_model
from skextra.cnn._models._rewrite import rewritten
from skextra.cnn._network._build import taken_shape
from skextra.cnn._network._network import (
    all_layers,
    are_probabilities,
    outputs_on_probe,
    taken_dtype,
)
from skextra.cnn._network._rows import read_images


@dataclass
class ModelSubject:
    """A Keras model."""

    model: object

    def images(self, X):
        """Return X as the model takes it; raise ValueError if it cannot."""
        if len(self.model.inputs) > 1:
            raise ValueError(
                f"The model {self.model.name!r} has {len(self.model.inputs)} inputs; data can be "
                "passed through models of one."
            )
        wanted, dtype = tuple(self.model.inputs[0].shape[1:]), self.model.inputs[0].dtype
        try:
            X = np.asarray(X)
        except ValueError as error:
            raise ValueError("X has samples of several shapes; they must have one.") from error
        fits = X.ndim == len(wanted) + 1 and all(
            size in (None, n) for size, n in zip(wanted, X.shape[1:], strict=True)
        )
        if not fits or X.dtype.kind not in "buif" or not len(X):
            raise ValueError(
                f"X is an array of {X.dtype} of shape {X.shape}, but the model "
                f"{self.model.name!r} takes numbers of shape (n_samples, "
                f"{', '.join(map(str, wanted))}), one sample or more."
            )
        if not np.isfinite(X).all():
            raise ValueError("X has NaN or infinite numbers; drop those samples.")
        if "int" in dtype and (X % 1).any():
            raise ValueError(
                f"X has fractions, but the model {self.model.name!r} takes {dtype}; round them."
            )
        return X.astype("float32" if dtype == "bfloat16" else dtype, copy=False)

    def codes(self, y, n_samples):
        """Return labels as numbers of classes."""
        y, n_classes = _column(y, n_samples), self.model.output_shape[-1]
        if y.dtype.kind not in "iuf" or (y % 1).any() or y.min() < 0 or y.max() >= n_classes:
            raise ValueError(
                f"y must hold numbers of classes from 0 to {n_classes - 1}, as the model has "
                f"{n_classes} outputs; got {np.unique(y)[:10].tolist()}."
            )
        return y.astype(np.int32)

    def labels(self, codes):
        """Return numbers of classes as labels."""
        return codes

    def outputs(self, X):
        """Return the outputs of the model for X, float64; raise ValueError if not finite."""
        images = self.images(X)
        functional = not isinstance(self.model, keras().Sequential)
        if len(self.model.outputs) > 1 or (functional and isinstance(self.model.output, dict)):
            raise ValueError(
                f"The model {self.model.name!r} has several outputs, or a dict; data can be "
                "passed through models of one output."
            )
        with self.states_kept():
            outputs = np.asarray(self.model.predict(images, verbose=0), dtype=np.float64)
        if not np.isfinite(outputs).all():
            raise ValueError(f"The outputs of the model {self.model.name!r} are not finite for X.")
        return outputs

    def predictor(self, X):
        """Return a compiled function that predicts X, for timing."""
        import tensorflow as tf

        images = tf.constant(self.images(X))
        compiled = tf.function(lambda images: self.model(images, training=False))

        def predict():
            with self.states_kept():
                return np.asarray(compiled(images))

        return predict

    @contextmanager
    def states_kept(self):
        """Restore the states of stateful recurrent layers at the end."""
        remembering = [x for x in all_layers(self.model) if getattr(x, "stateful", False)]
        states = [v for layer in remembering for v in keras().tree.flatten(layer.states)]
        before = values_of(states)
        try:
            yield
        finally:
            for state, numbers in zip(states, before, strict=True):
                state.assign(numbers)

    def at(self, weights):
        """Return a new model with other weights; None keeps its own."""
        return _with_weights(self.model, weights)

    def initial_weights(self):
        """Raise ValueError: a model does not know its initial weights."""
        raise ValueError(
            "weights='initial' needs an estimator; for a Keras model pass a list of arrays, such "
            "as [0 * w for w in model.get_weights()]."
        )

    def shown(self, X, rows):
        """Return some samples of X unchanged."""
        return np.asarray(X)[rows]

    def standalone(self):
        """Return the model for use outside skextra."""
        return self.model

    def wrapped(self, model):
        """Return a changed model in the form in which the subject was given."""
        return model


class EstimatorSubject:
    """A fitted CNNClassifier, with a new Keras model of its network."""

    def __init__(self, cnn):
        check_is_fitted(cnn)
        if not cnn.weights_:
            raise ValueError(
                "There is no network: y had one class, "
                f"{cnn.classes_.tolist()[0]!r}, predicted without one."
            )
        self.cnn = cnn
        self.model = cnn._design.model_on_logits(cnn.weights_)

    def images(self, X):
        """Return X as the model takes it; raise ValueError if the classifier would refuse it."""
        rows = read_images(self.cnn, X)
        dtype = np.dtype(taken_dtype(self.model))
        shape = taken_shape(self.model, self.cnn.image_shape_)
        return rows.numbers(slice(None), dtype).reshape(len(rows), *shape)

    def codes(self, y, n_samples):
        """Return labels as numbers of classes."""
        y = _column(y, n_samples)
        unknown = sorted({str(label) for label in y[~np.isin(y, self.cnn.classes_)][:10]})
        if unknown:
            raise ValueError(
                f"y has labels {unknown} that are not among the classes "
                f"{self.cnn.classes_.tolist()} of the network."
            )
        return np.searchsorted(self.cnn.classes_, y).astype(np.int32)

    def labels(self, codes):
        """Return numbers of classes as labels."""
        return self.cnn.classes_[codes]

    def outputs(self, X):
        """Return the outputs of the network for X, float64."""
        return self.cnn._logits(X)

    def predictor(self, X):
        """Return a function that predicts X, for timing."""
        return lambda: self.cnn._logits(X)

    def at(self, weights):
        """Return a new model with other weights; None keeps its own."""
        return _with_weights(self.model, weights)

    def initial_weights(self):
        """Return the weights that the fit started from."""
        if self.cnn._design.config is not None:
            raise ValueError(
                "weights='initial' needs an estimator as it was fitted; this one was folded or "
                "compressed."
            )
        return values_of(self.cnn._design.model().weights)

    def shown(self, X, rows):
        """Return some samples of X as images."""
        images = read_images(self.cnn, X).given(np.asarray(rows))
        return images.reshape(len(images), *self.cnn.image_shape_)

    def standalone(self):
        """Return the model for use outside skextra: pixels in, probabilities out."""
        return self.cnn.model_

    def wrapped(self, model):
        """Return a copy of the classifier with a changed network."""
        if self.cnn._design.plan is None:
            model = self._ending_alike(model)
        weights = values_of(model.weights)
        return self.cnn._changed(weights, model.to_json())

    def _ending_alike(self, model):
        """Return a changed model of the user's, with the softmax that was removed from it."""
        k, shape = keras(), taken_shape(self.model, self.cnn.image_shape_)
        whole, logits = self.cnn._design.model(), self.model
        ends = [are_probabilities(outputs_on_probe(m, shape)) for m in (whole, logits)]
        if ends != [True, False]:
            return model
        softmax = k.layers.Softmax(dtype=model.outputs[0].dtype, name="softmax")
        return k.Model(model.inputs[0], softmax(model.outputs[0]), name=model.name)


def _column(y, n_samples):
    """Return labels as an array of one dimension; raise ValueError if the number is wrong."""
    y = column_or_1d(y)
    if len(y) != n_samples:
        raise ValueError(f"y has {len(y)} classes for {n_samples} samples of X.")
    return y


def _with_weights(model, weights):
    copied, _ = rewritten(model, lambda layer: None)
    if weights is not None:
        copied.set_weights(weights)
    return copied


def check_data(subject, X, y):
    """Raise an error, before anything is done, unless data fit a network."""
    if X is None:
        if y is not None:
            raise ValueError("y was given without X; pass both, or neither.")
        return
    n_samples, shape = len(subject.images(X)), subject.model.output_shape
    if y is not None and isinstance(shape, tuple):
        codes_for(subject, (n_samples, *shape[1:]), y, "An accuracy")


def codes_for(subject, shape, y, what):
    """Return labels as numbers of classes, where the network has an output for each.

    Parameters
    ----------
    subject : ModelSubject or EstimatorSubject
        The network.

    shape : tuple of int
        Shape of its outputs.

    y : array-like of shape (n_samples,)
        Labels.

    what : str
        What the labels are needed for.
    """
    if len(shape) != 2 or (shape[1] is not None and shape[1] < 2):
        raise ValueError(
            f"{what} needs an output for each class, but the network returns an array of shape "
            f"{shape} for X; omit y, or give a binary network two outputs."
        )
    return subject.codes(y, shape[0])


def subject_of(model, user):
    """Return the subject of a Keras model or a fitted classifier, for the function `user`."""
    keras(user)  # raises if it is missing
    if isinstance(model, CNNClassifier):
        return EstimatorSubject(model)
    check_model(model)
    return ModelSubject(model)
