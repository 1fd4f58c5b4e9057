"""Data that come in chunks: the rows that still matter are kept, and the new ones join them."""

import numpy as np
from scipy import sparse

from skextra._svm._training import Past, task_of, train

_NEAR = 0.5  # rows with margins up to 1 + this are kept


def absorb(svm, X, y, weight, classes):
    """Return the fitted attributes after a chunk, those of the stream included.

    A row far beyond its margin has no influence on the planes, so that dropping it changes
    nothing unless the planes move as far as that later.
    """
    stream = _stream_of(svm)
    seen = 0 if stream is None else stream["seen"]
    rows = np.arange(seen, seen + X.shape[0])
    seen = drawn = seen + X.shape[0]
    past = None
    if stream is not None:
        X = _stacked(stream["X"], _as_before(X, stream["X"].dtype))
        y = np.concatenate((stream["y"], y))
        weight = np.concatenate((stream["weight"], weight))
        rows = np.concatenate((stream["rows"], rows))
        past = _past(svm, again=seen >= 2 * stream["drawn"])
        drawn = seen if past.landmarks is None else stream["drawn"]
    task = task_of(svm, X, y, weight, classes)
    fitted, margins = train(svm, task, past=past)
    near = np.flatnonzero(margins < 1.0 + _NEAR)
    numbers = near
    if task.rows is not None:
        near = near[np.argsort(task.rows[near])]
        numbers = task.rows[near]
    fitted["support_"] = rows[fitted["support_"]]
    fitted["_stream"] = {
        "X": X[numbers],
        "y": y[numbers],
        "weight": task.weight[near],
        "rows": rows[numbers],
        "seen": seen,
        "drawn": drawn,
    }
    return fitted


def _stream_of(svm):
    """Return what is kept of the rows so far; after `fit` these are its support vectors."""
    if hasattr(svm, "_stream"):
        return svm._stream
    if not hasattr(svm, "classes_"):
        return None
    if not hasattr(svm, "support_vectors_"):
        raise ValueError(
            "partial_fit goes on from the support vectors, which fit has not kept because of "
            "store_support=False; set it to True and fit again, or begin with partial_fit."
        )
    return {
        "X": svm.support_vectors_,
        "y": svm.classes_[svm._support_codes],
        "weight": svm._support_weight,
        "rows": svm.support_,
        "seen": svm._n_seen,
        "drawn": svm._n_seen,
    }


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


def _past(svm, again):
    """Return what the stream goes on from; landmarks are drawn again when it has doubled."""
    landmarks = getattr(svm, "landmarks_", None)
    if again and isinstance(svm.landmarks, str):
        landmarks = None
    return Past(
        getattr(svm, "gamma_", None),
        svm.feature_map_,
        svm._scale,
        svm._function,
        landmarks,
        svm.coef_.T.astype(np.float64),
        svm.intercept_.astype(np.float64),
    )
