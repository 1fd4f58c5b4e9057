"""TappedDelayLine: from a signal to the rows of an adaptive filter."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from skextra._base import Estimator, all_or_nothing
from skextra._sklearn import OneToOneFeatureMixin, Tags, TransformerMixin
from skextra._typing import FloatArray, Int, MatrixLike


class TappedDelayLine(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """Turn a signal into rows of its present and past samples.

    Row t of the output is ``x[t], x[t-1], ..., x[t - n_taps + 1]``, the state of a tapped delay
    line that is empty (zeros) at first. A linear model of these rows is a finite impulse response
    filter whose weights are the impulse response.

    Parameters
    ----------
    n_taps : int, default=1
        Length of the line, the present sample included. A longer line lets a filter represent
        longer responses. The default of 1 has no memory and returns the signal unchanged.

    Attributes
    ----------
    n_features_in_ : int
        Number of channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the channels, when X has string names for all.

    See Also
    --------
    LMSRegressor : Adapt on the rows.

    Notes
    -----
    Several channels are interleaved: all channels at lag 0, then all at lag 1, and so on, so that
    ``coef_.reshape(n_taps, n_channels)`` is the impulse response channel by channel.

    The rows overlap in memory: the output is a read-only view of one padded copy of the signal,
    and LMSRegressor and Adaline adapt on the view without copying it. Operations that need the
    full matrix make a copy.

    Rows are samples in time: a permuted signal is another signal, and the first ``n_taps - 1``
    rows of a chunk depend on the samples before it. To continue a stream, pass the last
    ``n_taps - 1`` samples again and drop their rows.

    Examples
    --------
    >>> from skextra import TappedDelayLine
    >>> TappedDelayLine(n_taps=3).fit_transform([[1.0], [2.0], [3.0]])
    array([[1., 0., 0.],
           [2., 1., 0.],
           [3., 2., 1.]])
    """

    def __init__(self, n_taps: Int = 1) -> None:
        self.n_taps = n_taps

    @all_or_nothing
    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Check the parameter and count the channels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels)
            Signal, one row per sample in time.

        y : None
            Ignored.

        Returns
        -------
        TappedDelayLine
            The fitted transformer.
        """
        self._check_number("n_taps", low=1, integer=True)
        validate_data(self, X, dtype=[np.float64, np.float32])
        return self

    def transform(self, X: MatrixLike) -> FloatArray:
        """Return the state of the line at every sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels)
            Signal.

        Returns
        -------
        ndarray of shape (n_samples, n_taps * n_channels)
            A read-only view whose rows overlap in memory.
        """
        check_is_fitted(self)
        self._check_number("n_taps", low=1, integer=True)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        n, channels = X.shape
        # Stored backwards in time, the samples of a row are adjacent and rows step back by one.
        padded = np.zeros((n + self.n_taps - 1, channels), X.dtype)
        padded[:n] = X[::-1]
        item = padded.itemsize
        rows = np.lib.stride_tricks.as_strided(
            padded,
            (n, self.n_taps * channels),
            (channels * item, item),
            writeable=False,
        )
        return rows[::-1]

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Return the names `channel_lag0`, `channel_lag1` and so on.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the channels; by default those seen in fit, or x0, x1, and so on.

        Returns
        -------
        ndarray of str
            One name per output column.
        """
        names = super().get_feature_names_out(input_features)
        return np.asarray(
            [f"{name}_lag{lag}" for lag in range(self.n_taps) for name in names], dtype=object
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
