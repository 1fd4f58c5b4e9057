"""Subject: a Keras model or a fitted classifier, as what can be looked into and changed."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from skextra.cnn._classifier import CNNClassifier
from skextra.cnn._keras import keras, numbers_of
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
            raise ValueError("X has samples of several shapes; they must be of one.") from error
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
            raise ValueError("X has NaN or infinite numbers; leave those samples out.")
        if "int" in dtype and (X % 1).any():
            raise ValueError(f"X has fractions, but the model {self.model.name!r} takes {dtype}.")
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
        """Return what the model puts out for X, float64; raise ValueError if it is not finite."""
        images = self.images(X)
        functional = not isinstance(self.model, keras().Sequential)
        if len(self.model.outputs) > 1 or (functional and isinstance(self.model.output, dict)):
            raise ValueError(
                f"The model {self.model.name!r} puts out several arrays, or a dict; data can be "
                "passed through models that put out one array."
            )
        with self.states_kept():
            outputs = np.asarray(self.model.predict(images, verbose=0), dtype=np.float64)
        if not np.isfinite(outputs).all():
            raise ValueError(f"The outputs of the model {self.model.name!r} are not finite for X.")
        return outputs

    def predictor(self, X):
        """Return a function that predicts X, compiled, to be timed."""
        import tensorflow as tf

        images = tf.constant(self.images(X))
        compiled = tf.function(lambda images: self.model(images, training=False))

        def predict():
            with self.states_kept():
                return np.asarray(compiled(images))

        return predict

    @contextmanager
    def states_kept(self):
        """Let recurrent layers that remember forget what they are asked meanwhile."""
        remembering = [x for x in all_layers(self.model) if getattr(x, "stateful", False)]
        states = [v for layer in remembering for v in keras().tree.flatten(layer.states)]
        before = [numbers_of(state) for state in states]
        try:
            yield
        finally:
            for state, numbers in zip(states, before, strict=True):
                state.assign(numbers)

    def at(self, weights):
        """Return a new model with other weights, None for its own."""
        return _with_weights(self.model, weights)

    def initial_weights(self):
        """Raise ValueError: a model does not know where it started."""
        raise ValueError(
            "weights='initial' needs an estimator; for a Keras model pass a list of arrays, such "
            "as [0 * w for w in model.get_weights()]."
        )

    def shown(self, X, rows):
        """Return some samples of X as they were given."""
        return np.asarray(X)[rows]

    def standalone(self):
        """Return the model as others may use it."""
        return self.model

    def wrapped(self, model):
        """Return a model changed, in the form in which the subject was given."""
        return model


class EstimatorSubject:
    """A fitted CNNClassifier, and a new Keras model of its network."""

    def __init__(self, cnn):
        check_is_fitted(cnn)
        if not cnn.weights_:
            raise ValueError(
                "There is no network to look into: y had one class, "
                f"{cnn.classes_.tolist()[0]!r}, predicted without one."
            )
        self.cnn = cnn
        self.model = cnn._design.model_on_logits(cnn.weights_)

    def images(self, X):
        """Return X as the model takes it; raise ValueError if the classifier would not take it."""
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
        """Return what the network puts out for X, float64."""
        return self.cnn._logits(X)

    def predictor(self, X):
        """Return a function that predicts X, to be timed."""
        return lambda: self.cnn._logits(X)

    def at(self, weights):
        """Return a new model with other weights, None for its own."""
        return _with_weights(self.model, weights)

    def initial_weights(self):
        """Return the weights that the fit started from."""
        if self.cnn._design.config is not None:
            raise ValueError(
                "weights='initial' needs an estimator as it was fitted; this one was made smaller "
                "or folded."
            )
        return [numbers_of(weight) for weight in self.cnn._design.model().weights]

    def shown(self, X, rows):
        """Return some samples of X as images."""
        images = read_images(self.cnn, X).given(np.asarray(rows))
        return images.reshape(len(images), *self.cnn.image_shape_)

    def standalone(self):
        """Return the model as others may use it: with pixels in and probabilities out."""
        return self.cnn.model_

    def wrapped(self, model):
        """Return a classifier with a network changed, which shares nothing that can change."""
        if self.cnn._design.plan is None:
            model = self._ending_alike(model)
        weights = [numbers_of(weight) for weight in model.weights]
        return self.cnn._changed(weights, model.to_json())

    def _ending_alike(self, model):
        """Return a user's model changed, with the softmax that `model` was relieved of."""
        k, shape = keras(), taken_shape(self.model, self.cnn.image_shape_)
        whole, logits = self.cnn._design.model(), self.model
        ends = [are_probabilities(outputs_on_probe(m, shape)) for m in (whole, logits)]
        if ends != [True, False]:
            return model
        softmax = k.layers.Softmax(dtype=model.outputs[0].dtype, name="softmax")
        return k.Model(model.inputs[0], softmax(model.outputs[0]), name=model.name)


def _column(y, n_samples):
    """Return labels as an array of one dimension; raise ValueError if they are not that many."""
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
    """Raise an error unless data go with a network, before anything is done."""
    if X is None:
        if y is not None:
            raise ValueError("y was given without X; pass both, or neither.")
        return
    n_samples, shape = len(subject.images(X)), subject.model.output_shape
    if y is not None and isinstance(shape, tuple):
        codes_for(subject, (n_samples, *shape[1:]), y, "An accuracy")


def codes_for(subject, shape, y, what):
    """Return labels as numbers of classes, an output of the network for each.

    Parameters
    ----------
    subject : ModelSubject or EstimatorSubject
        The network.

    shape : tuple of int
        Of what it puts out.

    y : array-like of shape (n_samples,)
        Labels.

    what : str
        What they are for.
    """
    if len(shape) != 2 or (shape[1] is not None and shape[1] < 2):
        raise ValueError(
            f"{what} needs an output for each class, but the network puts out an array of shape "
            f"{shape} for X; leave y out, or give a binary network two outputs."
        )
    return subject.codes(y, shape[0])


def subject_of(model, user):
    """Return the subject of a Keras model or a fitted classifier, for the function `user`."""
    keras(user)  # says so if there is none
    if isinstance(model, CNNClassifier):
        return EstimatorSubject(model)
    check_model(model)
    return ModelSubject(model)
