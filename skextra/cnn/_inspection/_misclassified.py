"""misclassified: the samples that a network gets wrong."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from skextra._base import import_extra
from skextra._typing import FloatArray, KerasModelLike, LabelArray, MatrixLike
from skextra.cnn._network._network import are_probabilities
from skextra.cnn._subject import codes_for, subject_of

if TYPE_CHECKING:
    import pandas as pd

    from skextra.cnn._classifier import CNNClassifier


@dataclass(frozen=True, eq=False)
class Misclassified:
    """Samples that a network gets wrong, as returned by :func:`misclassified`.

    Parameters
    ----------
    indices : ndarray of shape (n,)
        Row numbers in X, in the order of decreasing probability.

    images : ndarray of shape (n, ...)
        The samples, as images.

    true, predicted : ndarray of shape (n,)
        True and predicted classes.

    probability : ndarray of shape (n,)
        Probability of the predicted class.

    n_wrong, n_samples : int
        Number of misclassified samples, and of all samples.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra.cnn import Misclassified
    >>> none = np.array([])
    >>> Misclassified(none, none, none, none, none, n_wrong=0, n_samples=10)
    0 of 10 samples misclassified
    """

    indices: NDArray[np.intp]
    images: NDArray[Any]
    true: LabelArray
    predicted: LabelArray
    probability: FloatArray
    n_wrong: int
    n_samples: int

    def to_frame(self) -> pd.DataFrame:
        """Return all but the images as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each sample, indexed by its row number in X.
        """
        pandas = import_extra("pandas", "plot", "Misclassified.to_frame")
        names = ("true", "predicted", "probability")
        index = pandas.Index(self.indices, name="indices")
        return pandas.DataFrame({name: getattr(self, name) for name in names}, index=index)

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        triples = zip(self.indices, self.true, self.predicted, self.probability, strict=True)
        lines = [f"X[{i}]: {t} taken for {p} (probability {q:.3f})" for i, t, p, q in triples]
        return "\n".join([f"{self.n_wrong} of {self.n_samples} samples misclassified", *lines])


def misclassified(
    model: CNNClassifier | KerasModelLike, X: MatrixLike, y: ArrayLike, n: int | None = 10
) -> Misclassified:
    """Return the samples that a network gets wrong, the most confident errors first.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A model with an output for each class, or a fitted estimator.

    X : array-like
        Samples, in the form that the estimator's `fit` or the model takes.

    y : array-like of shape (n_samples,)
        True classes; for a Keras model, the numbers of its outputs.

    n : int or None, default=10
        Maximum number of samples to return; None for all.

    Returns
    -------
    found : Misclassified
        The samples with the most probable wrong predictions.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind, or X, y or n are invalid.

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : Counts the errors class by class.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.cnn import misclassified
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(epochs=3, random_state=0).fit(X[:900] / 16, y[:900])
    >>> wrong = misclassified(cnn, X[900:] / 16, y[900:])
    >>> len(wrong), wrong.images.shape
    (10, (10, 8, 8, 1))
    """
    check_n(n)
    subject = subject_of(model, "misclassified")
    outputs = subject.outputs(X)
    codes = codes_for(subject, outputs.shape, y, "misclassified")
    probabilities = outputs if are_probabilities(outputs) else softmax(outputs, axis=1)
    predicted = probabilities.argmax(axis=1)
    certainty = probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != codes)
    worst = wrong[np.argsort(-certainty[wrong], kind="stable")][:n]
    return Misclassified(
        worst,
        subject.shown(X, worst),
        subject.labels(codes[worst]),
        subject.labels(predicted[worst]),
        certainty[worst],
        len(wrong),
        len(outputs),
    )


def check_n(n):
    """Raise ValueError unless n is a number of samples, or None."""
    if n is not None and (not isinstance(n, Integral) or isinstance(n, bool) or n < 1):
        raise ValueError(f"n={n!r} must be a whole number from 1 up, or None for all.")
