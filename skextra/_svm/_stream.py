"""Data that come in chunks: the rows that still matter are kept, and the new ones join them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skextra._svm._fitted_map import restored_map
from skextra._svm._training import Past, takes_exact_kernel, task_of, train
from skextra._typing import FloatMatrix, LabelArray

# Rows with margins up to 1 + this are kept. More rows make chunks slower to fit and keep more that
# may matter later; the accuracy hardly changes: benchmarks/svm_constants.py.
_NEAR = 0.5


@dataclass(frozen=True)
class Stream:
    """What is kept of the rows so far.

    Attributes
    ----------
    X : {ndarray, CSR array} of shape (n, d)
        Rows that violate their margins or are near them.
    y, weight, rows : ndarray of shape (n,)
        Their labels, their weights and their numbers in the stream.
    seen : int
        Number of rows that have come.
    drawn : int
        Their number when landmarks were drawn last.
    """

    X: FloatMatrix
    y: LabelArray
    weight: NDArray[np.float64]
    rows: NDArray[np.intp]
    seen: int
    drawn: int


def check_unchanged(svm):
    """Raise ValueError if a parameter that a stream cannot change has changed."""
    for name, before in svm._fitted_with.items():
        now = getattr(svm, name)
        if not _is_same(now, before):
            raise ValueError(
                f"{name}={now!r} differs from {before!r} of the model so far; use a new estimator."
            )


def learn_chunk(svm, X, y, weight, classes):
    """Return the fitted attributes after a chunk, those of the stream included.

    A row far beyond its margin has no influence on the planes, so that dropping it changes
    nothing unless the planes move as far as that later.
    """
    stream, past = _stream_of(svm), None
    seen = X.shape[0] if stream is None else stream.seen + X.shape[0]
    rows = np.arange(seen - X.shape[0], seen)
    drawn = seen
    if stream is not None:
        X = _stacked(stream.X, _as_before(X, stream.X.dtype))
        y = np.concatenate((stream.y, y))
        weight = np.concatenate((stream.weight, weight))
        rows = np.concatenate((stream.rows, rows))
        # Landmarks are drawn again when the stream has doubled, and instead of the support vectors
        # of an exact kernel, which may depend on each other.
        doubled = isinstance(svm.landmarks, str) and seen >= 2 * stream.drawn
        dependent = not getattr(svm, "_has_independent", True)
        draws = doubled or dependent or takes_exact_kernel(svm, X.shape[0])
        drawn = seen if draws else stream.drawn
        past = Past(
            restored_map(svm),
            getattr(svm, "gamma_", None),
            None if draws else svm.coef_.T.astype(np.float64),
            svm.intercept_.astype(np.float64),
            draws,
        )
    task = task_of(svm, X, y, weight, classes)
    fitted, margins = train(svm, task, past=past)
    near = np.flatnonzero(margins < 1.0 + _NEAR)
    numbers = near
    if task.rows is not None:
        near = near[np.argsort(task.rows[near])]
        numbers = task.rows[near]
    kept = Stream(X[numbers], y[numbers], task.weight[near], rows[numbers], seen, drawn)
    # A dict, as a file of skops holds no types of ours but the estimator's.
    return fitted | {"support_": rows[fitted["support_"]], "_stream": vars(kept)}


def _is_same(now, before):
    """Return whether two values of a parameter are the same.

    Estimators, and what else has `get_params`, are the same if their parameters are.
    """
    if now is before:
        return True
    if type(now) is type(before) and hasattr(now, "get_params"):
        now, before = (sorted(each.get_params(deep=False).items()) for each in (now, before))
    if isinstance(now, list | tuple) and isinstance(before, list | tuple):
        return len(now) == len(before) and all(map(_is_same, now, before))
    if isinstance(now, np.ndarray) or isinstance(before, np.ndarray):
        return np.array_equal(now, before)
    return bool(now == before)


def _stream_of(svm):
    """Return the Stream of an estimator, if any; after `fit` it is its support vectors."""
    if hasattr(svm, "_stream"):
        return Stream(**svm._stream)
    if not hasattr(svm, "classes_"):
        return None
    if not hasattr(svm, "support_vectors_"):
        raise ValueError(
            "partial_fit continues from the support vectors, which fit has not kept because of "
            "store_support=False; set it to True and fit again, or begin with partial_fit."
        )
    y = svm.classes_[svm._support_codes]
    weight, rows, seen = svm._support_weight, svm.support_, svm._n_seen
    return Stream(svm.support_vectors_, y, weight, rows, seen, seen)


def _as_before(X, dtype):
    """Return X in the precision of the stream; raise ValueError where that cannot hold it."""
    with np.errstate(over="ignore"):
        X = X.astype(dtype, copy=False)
    if not np.isfinite(X.data if sparse.issparse(X) else X).all():
        raise ValueError(
            f"X has values beyond the range of {dtype}, the dtype of the stream's first chunk; "
            "scale it, or begin the stream with float64."
        )
    return X


def _stacked(A, B):
    if sparse.issparse(A) or sparse.issparse(B):
        return sparse.vstack((sparse.csr_array(A), sparse.csr_array(B)), format="csr")
    return np.concatenate((A, B))
