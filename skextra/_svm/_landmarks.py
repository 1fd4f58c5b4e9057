"""Which rows become landmarks."""

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skextra._common._canonical import distinct
from skextra._common._threads import run
from skextra._kmeans._kmeans_pp import KMeansPP
from skextra._svm._landmark_kernel import LandmarkKernel
from skextra._svm._linear import cholesky, independent, outer_square, solve_upper
from skextra._svm._mapped_rows import ComputedSource, MappedRows, Whitening
from skextra._svm._newton_cg import Preconditioner, newton
from skextra._svm._problems import sides

_PILOT_LANDMARKS = 300
_PILOT_ROWS = 10_000
_PILOT_TOL = 0.2
_FEW_ROWS = 3000  # for which a second thread would only wait
_SHARPNESS = 2.0  # how much likelier a row of small margin is drawn


class Landmarks:
    """Landmarks, numerically independent, and the factor that whitens their features.

    Parameters
    ----------
    rows : {ndarray, CSR array} of shape (m, d)
        Candidates.
    gamma : float
        Inverse squared width.
    tolerance : float or None
        What squared distance from the span of the others, in feature space, a landmark must have;
        None if all are known to be independent.

    Attributes
    ----------
    rows : {ndarray, CSR array} of shape (r, d)
        The landmarks.
    kept : ndarray of shape (r,)
        Their numbers among the candidates.
    factor : ndarray of shape (r, r)
        Upper triangular R with ``R.T @ R`` the kernel of the landmarks.
    """

    def __init__(self, rows, gamma, tolerance):
        with np.errstate(over="ignore", invalid="ignore"):
            gram = LandmarkKernel(rows, gamma, np.float64).block(rows)
        if not (np.diagonal(gram) > 0.5).all():  # as each is at distance 0 from itself
            raise ValueError(
                f"Distances of samples times gamma={gamma:.3g} are beyond the range of float64: "
                "put X on one scale first, for example with StandardScaler."
            )
        if tolerance is None:
            self.kept, self.factor, self.rows = np.arange(len(gram)), cholesky(gram.copy()), rows
        else:
            self.kept, self.factor = independent(gram, tolerance)
            self.rows = rows[self.kept]
        self.gamma = gamma
        self._candidates = rows

    @property
    def mean(self):
        """Mean of the kernel's columns over the landmarks, (r,)."""
        return self.factor.T @ self.factor.mean(axis=1)

    def source(self, X, dtype, capacity):
        """Return the kernel of the rows of X with the landmarks, as a source of mapped rows."""
        kernel = LandmarkKernel(self.rows, self.gamma, dtype)
        return ComputedSource(
            lambda rows, out=None: kernel.block(X[rows], out),
            X.shape[0], len(self.kept), dtype, capacity,
        )  # fmt: skip

    def features(self, X):
        """Return the whitened features of X, (n, r): their products are Nystroem's kernel."""
        if X is self._candidates and len(self.kept) == X.shape[0]:
            own = np.empty(self.factor.shape)
            own[self.kept] = self.factor.T
            return own
        block = LandmarkKernel(self.rows, self.gamma, np.float64).block(X)
        return whitened(block, self.factor)

    def kernel_weights(self, coef):
        """Return weights of the kernel's columns for weights of the whitened features."""
        return solve_upper(self.factor, coef)

    def start_at(self, decisions, intercepts):
        """Return weights, intercepts last, of the function through these values at the landmarks.

        It is the one of least norm: the projection of any function that has these values.
        """
        coef = solve_upper(self.factor, decisions - intercepts, transposed=True)
        return self.weights_of(coef, intercepts)

    def weights_of(self, coef, intercepts):
        """Return weights of the centred features, intercepts last, for those of the features."""
        return np.vstack((coef, intercepts + self.mean @ self.kernel_weights(coef)))

    def second_moment(self):
        """Return the mean square of the landmarks' own features, centred."""
        count = len(self.factor)
        centre = self.factor.mean(axis=1)
        return outer_square(self.factor) / count - np.outer(centre, centre)


def whitened(block, factor):
    """Return block @ inv(factor)."""
    return solve_upper(factor, block.T, transposed=True).T


def uniform_rows(count, n, weight, random_state):
    """Return `count` of n row numbers, rising, drawn without replacement by weight."""
    keys = np.log(random_state.uniform(np.finfo(np.float64).tiny, 1.0, n)) / weight
    return np.sort(np.argpartition(-keys, count - 1)[:count])


def distinct_rows(X):
    """Return the numbers of the distinct rows, in an order that depends on their content."""
    order, repeats = distinct(X)
    return order[~repeats]


def kmeans_centres(X, count, weight, random_state):
    """Return cluster centres of (at most twenty rows each of) X."""
    rows = np.arange(X.shape[0])
    if len(rows) > 20 * count:
        rows = uniform_rows(20 * count, len(rows), weight, random_state)
    count = min(count, len(distinct_rows(X[rows])))
    kmeans = KMeansPP(count, refine=None, max_iter=5, tol=0.0, random_state=random_state)
    return kmeans.fit(X[rows], sample_weight=weight[rows]).cluster_centers_.astype(X.dtype)


class Pilot:
    """A first classifier on few landmarks.

    Attributes
    ----------
    decisions : ndarray of shape (m, n_classes)
        Its decision values at the rows that were drawn.
    intercepts : ndarray of shape (n_classes,)
        Its intercepts.
    """

    def __init__(self, landmarks, weights, intercepts, decisions, threads):
        self._kernel = LandmarkKernel(landmarks.rows, landmarks.gamma, np.float32)
        self._weights = weights.astype(np.float32)
        self._threads = threads
        self.intercepts = intercepts
        self.decisions = decisions

    def least_margins(self, X, codes):
        """Return the least signed decision value of every row over the classes."""
        parts = list(gen_batches(X.shape[0], 1000))

        def task(i):
            values = self._kernel.block(X[parts[i]]) @ self._weights + self.intercepts
            own = np.arange(len(values)), codes[parts[i]]
            values *= -1
            values[own] *= -1
            return values.min(axis=1)

        return np.concatenate(run(task, len(parts), self._threads))


def margin_rows(X, codes, n_classes, costs, count, gamma, random_state, threads):
    """Return rows of small margin by the verdict of a pilot, and the Pilot.

    The pilot is the same classifier with a few hundred uniform landmarks on some thousand rows.
    A row is drawn with a probability proportional to its weight times exp(-2 gap), where gap is
    the distance between the two highest decision values. No label enters the draw.
    """
    n = X.shape[0]
    threads = threads if n > _FEW_ROWS else 1
    pilot = min(_PILOT_LANDMARKS, max(count // 3, 10))
    rows = np.arange(n)
    n_rows = max(_PILOT_ROWS, 3 * count)
    if n > n_rows:
        rows = uniform_rows(n_rows, n, costs, random_state)
    signs = sides(codes[rows], max(n_classes, 3), "ovr")[:, :n_classes]
    some = uniform_rows(min(pilot, n), len(rows), costs[rows], random_state)
    landmarks = Landmarks(X[rows[some]], gamma, 1e-6)
    source = landmarks.source(X[rows], np.float32, len(rows))
    every = np.arange(len(rows))
    source.store(every, threads)
    whitening = Whitening.of(landmarks.factor, landmarks.mean, source.dtype, threads)
    mapped = MappedRows(source, whitening, threads)
    start = np.zeros((len(landmarks.factor) + 1, n_classes))
    # More weight to a row than it has in the fit, as there are fewer of them.
    factor = min(n / len(rows), 3.0)
    state = newton(
        mapped, every, signs, np.minimum(costs[rows] * factor, 1e4), start,
        Preconditioner(landmarks.second_moment(), threads), _PILOT_TOL, 20, lambda V: False,
    )  # fmt: skip
    top = np.partition(state.decisions, n_classes - 2, axis=1)[:, -2:]
    chance = costs[rows] / costs[rows].max() * np.exp(-_SHARPNESS * np.abs(top[:, 1] - top[:, 0]))
    drawn = uniform_rows(count, len(rows), np.maximum(chance, 1e-300), random_state)
    weights, intercepts = whitening.outward(state.V)
    pilot = Pilot(landmarks, weights, intercepts, state.decisions[drawn], threads)
    return rows[drawn], pilot


def check_names(svm):
    """Raise ValueError if landmarks have names of features, but not those of X, in order."""
    names, own = getattr(svm.landmarks, "columns", None), getattr(svm, "feature_names_in_", None)
    if names is not None and own is not None and list(names) != list(own):
        raise ValueError(
            f"landmarks has the columns {list(names)}; they must be those of X, {own.tolist()}."
        )


def as_rows(landmarks, X):
    """Return landmarks given as an array as rows like those of X; raise ValueError if unfit."""
    if sparse.issparse(landmarks):
        rows = sparse.csr_array(landmarks).astype(X.dtype)
        values = rows.data
    else:
        try:
            rows = values = np.array(landmarks, dtype=X.dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"landmarks={landmarks!r} must be 'margin', 'uniform', 'kmeans' or an array of "
                f"shape (m, {X.shape[1]})."
            ) from error
    if rows.ndim != 2 or rows.shape[1] != X.shape[1] or not rows.shape[0]:
        raise ValueError(
            f"landmarks has shape {rows.shape}; it must be (m, {X.shape[1]}): rows of the "
            "features of X."
        )
    if not np.isfinite(values).all():
        raise ValueError("landmarks holds NaN or infinity; it must be finite.")
    if sparse.issparse(X):
        return sparse.csr_array(rows)
    return rows.toarray() if sparse.issparse(rows) else rows
