"""Fitted centres, and what they say of samples."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted, validate_data

from skextra._base import Estimator
from skextra._common._new_rows import is_known, is_plain_training
from skextra._kmeans._data import ACCEPTED, distances, rows_of, tidy
from skextra._kmeans._local_rows import LocalRows, threads_for
from skextra._kmeans._metric import METRICS, Metric
from skextra._sklearn import ClassNamePrefixFeaturesOutMixin, ClusterMixin, Tags, TransformerMixin
from skextra._typing import FloatArray, FloatMatrix, MatrixLike


class FittedCenters(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, Estimator):
    """What k-means does with samples once it has centres; `KMeansPP` finds them."""

    cluster_centers_: FloatArray
    _fitted_metric: Literal["euclidean", "cosine"]
    _offset: NDArray[np.float64]
    _scale: float

    def predict(self, X: MatrixLike) -> NDArray[np.int32]:
        """Return the nearest centre of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Index of the nearest centre, the first of those equally near.
        """
        rows, centers = self._framed(self._check_new(X))
        return rows.nearest_labels(centers)

    def transform(self, X: MatrixLike) -> FloatArray:
        """Return the distance of each sample to every centre.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_clusters)
            Euclidean distances, or one minus the cosine with ``metric='cosine'``.
        """
        X = self._check_new(X)
        metric = self._metric()
        return metric.distances(distances(metric.rows(X), self.cluster_centers_, self._offset))

    def score(
        self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the negative inertia of the samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights.

        Returns
        -------
        score : float
            The negative sum over the samples of what `inertia_` adds up.
        """
        check_is_fitted(self)
        X, weight = self._check_samples(X, sample_weight, reset=False)
        rows, centers = self._framed(X, weight)
        return -rows.inertia(centers, rows.nearest_labels(centers)) * self._metric().unit

    def sample_influence(
        self, X: MatrixLike, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Return how much the inertia of the data falls when each sample is left out.

        The other samples keep their clusters. Without a sample of weight w at distance d from its
        centre, in a cluster of weight W, the centre moves away from it and the inertia falls by
        ``W * w / (W - w) * d**2``. An outlier stands out; a sample that is alone in its cluster
        has an influence of zero.

        With ``metric='cosine'`` and d for one minus the cosine, the centre turns away from the
        sample and the inertia falls by ``sqrt((R - w)**2 + 2 * w * R * d) - (R - w)``, where R is
        the length of the weighted sum of the normalised samples of the cluster.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data passed to `fit`.

        sample_weight : array-like of shape (n_samples,) or None, default=None
            Their weights.

        Returns
        -------
        influence : ndarray of shape (n_samples,)
            The fall of the inertia, zero or more.
        """
        check_is_fitted(self)
        X, weight = self._check_samples(X, sample_weight, reset=False)
        rows, centers = self._framed(X, weight)
        weight = np.ones(rows.n) if weight is None else weight
        labels = rows.nearest_labels(centers)
        squares = rows.own_squares(centers, labels)
        return self._metric().influence(labels, weight, squares, len(centers))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def _metric(self) -> Metric:
        """Return the metric of the fit, whatever the parameter has been set to since."""
        return METRICS[self._fitted_metric]

    def _check_samples(
        self, X: MatrixLike, sample_weight: ArrayLike | None, reset: bool
    ) -> tuple[FloatMatrix, NDArray[np.float64] | None]:
        """Return validated (X, weights or None)."""
        is_plain = is_plain_training if reset else is_known
        if not is_plain(self, X):
            X = validate_data(self, X, reset=reset, **ACCEPTED)
        return tidy(X, sample_weight)

    def _check_new(self, X: MatrixLike) -> FloatMatrix:
        if is_known(self, X):
            return X
        check_is_fitted(self)
        return self._check_samples(X, None, reset=False)[0]

    def _framed(
        self, X: FloatMatrix, weight: NDArray[np.float64] | None = None
    ) -> tuple[LocalRows, NDArray[np.float64]]:
        """Return (rows in the frame of the fit, where `predict` decides as `fit` did; centres).

        Sparse rows are not shifted, whatever the model was fitted on.
        """
        X = self._metric().rows(X)
        offset = np.zeros_like(self._offset) if sparse.issparse(X) else self._offset
        threads = threads_for(X, len(self.cluster_centers_))
        rows = rows_of(X, weight, threads, (offset, self._scale))
        return rows, self.cluster_centers_.astype(np.float64) - offset
