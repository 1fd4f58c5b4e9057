"""LMSRegressor: the adaptive linear combiner."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import validate_data

from skextra._adaptive._filter import AdaptiveFilter, as_targets
from skextra._adaptive._reports import excitation_report, faint_features_report
from skextra._adaptive._rls import InverseCorrelation, rls_pass
from skextra._adaptive._rows import as_rows, presentation_order
from skextra._adaptive._stream import Stream
from skextra._adaptive._trace import AdaptiveTrace
from skextra._adaptive._weights import Weights
from skextra._adaptive._wiener import wiener_weights
from skextra._base import all_or_nothing, random_state_of, warn_caller
from skextra._callbacks import EpochReporter, with_callbacks
from skextra._sklearn import MultiOutputMixin, RegressorMixin, available_if
from skextra._typing import FloatArray, FloatMatrix, Int, MatrixLike, RandomStateLike

_VARIANTS = ("lms", "nlms", "rls", "wiener")


def _recursive(estimator: Any) -> bool:
    if estimator.variant == "wiener":
        raise AttributeError(
            "variant='wiener' is a closed-form solution and cannot adapt row by row; use 'lms', "
            "'nlms' or 'rls'."
        )
    return True


class LMSRegressor(MultiOutputMixin, RegressorMixin, AdaptiveFilter):
    """Linear regression and adaptive filtering by least mean squares.

    Rows are presented one by one in the order of the file, as in the textbooks: with the error
    ``e = d - w.x`` of the current weights, each row moves them by ``learning_rate * e * x``.
    The loss curve and the bounds on the rate are attributes, and divergence is reported. The
    normalised, recursive and closed-form variants share the interface.

    Parameters
    ----------
    variant : {'lms', 'nlms', 'rls', 'wiener'}, default='lms'
        The algorithm.

        - 'lms': Widrow and Hoff's rule, ``w += learning_rate * e * x``.
        - 'nlms': normalised LMS, ``w += learning_rate * e * x / ||x||^2``; independent of the
          scale of the rows, however small or large. A row of zeros makes no step.
        - 'rls': recursive least squares with exponential forgetting; one pass, O(p^2) per row,
          converges fastest.
        - 'wiener': the least-squares solution in closed form, which LMS approaches.

    learning_rate : float or 'auto', default='auto'
        Step size of 'lms' and 'nlms'. A larger rate converges faster and ends farther from the
        Wiener solution; too large a rate diverges. (Widrow's mu is half of it.) 'auto' takes the
        smaller of half the bound that guarantees stability and the rate of 10% misadjustment.
        In a stream the first chunk sets it, and larger rows in later chunks lower it.

    forgetting : float in (0, 1], default=1.0
        Forgetting factor of 'rls'. With 1 all rows count equally. With less, a row k steps ago
        counts ``forgetting**k``: the filter tracks a changing system over about
        ``1 / (1 - forgetting)`` rows, and its weights are noisier. In directions that the rows do
        not excite for longer than that, the weights stay as they are, with a ConvergenceWarning.

    delta : float, default=0.01
        Regularisation at the start of 'rls': its first inverse correlation matrix is
        ``I / delta``. With ``forgetting=1`` the result is equivalent to ridge regression of
        strength `delta`, intercept included. Raise it for noisy data.

    max_iter : int, default=1000
        Largest number of epochs of 'lms' and 'nlms'.

    tol : float or None, default=1e-5
        Relative tolerance: `fit` stops when the mean squared error has changed by less than this
        fraction in three successive epochs. None runs all `max_iter` epochs, as long as the
        weights are finite.

    shuffle : bool, default=False
        Whether to present the rows in random order, the same in every epoch. False keeps the
        order of the file, as a filter must; True protects against sorted rows. The random
        order depends on the content of the rows, not on their position.

    average : bool or 'auto', default='auto'
        Whether `coef_` and `intercept_` are a mean of iterates instead of the last one, which
        removes most of the misadjustment of 'lms' and 'nlms'; 'rls' and 'wiener' do not use it.

        - 'auto': the mean over the last epoch in a `fit` with ``learning_rate='auto'``; at a
          given rate, and in `partial_fit` and `adapt`, the last iterate.
        - True: the mean of all iterates (Polyak averaging).
        - False: the last iterate, as in the textbooks.

    fit_intercept : bool, default=True
        Whether to add a constant input of 1, whose weight (the bias weight) is adapted like the
        others.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the previous fit instead of from zero.

    random_state : int, RandomState instance or None, default=None
        Seed of the random order with ``shuffle=True``.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Weights, of the dtype of X.

    intercept_ : float or ndarray of shape (n_outputs,)
        Bias weight.

    loss_curve_ : ndarray of shape (n_epochs,)
        Mean squared error over the whole training set (and over the outputs) after each epoch
        of `fit`; `partial_fit` and `adapt` leave it unchanged. After divergence its last entries
        grow up to infinity.

    n_iter_ : int
        Epochs run by `fit`, plus calls of `partial_fit` and `adapt` since.

    learning_rate_ : float
        The rate used. Only with 'lms' and 'nlms'.

    stability_ : LMSStability
        Bounds on the learning rate and predicted misadjustment. If the fit has diverged, also
        the exact limit, for dense X with fewer than 32 features and n_samples * (n_features +
        1)^2 up to 200,000. Only with 'lms' and 'nlms'.

    inverse_correlation_ : ndarray of shape (n_inputs, n_inputs)
        The matrix P of 'rls', the bias input last. Only with 'rls'.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, when X has string names for all.

    See Also
    --------
    Adaline : The same rule as a classifier.
    TappedDelayLine : Turn a signal into the rows that a filter adapts on.
    lms_stability : Bounds on the learning rate, the exact one at any size.
    sklearn.linear_model.SGDRegressor : Stochastic gradient descent with penalties and schedules.

    Notes
    -----
    The mean of the weights converges for ``learning_rate < 2 / lambda_max(R)``, the mean square
    error usually for ``learning_rate < 2 / trace(R)``, and any order of the rows is safe below
    ``2 / max ||x||^2`` [2]_. In a fixed order an epoch is an affine map of the weights; when many
    epochs remain, that map replaces them, and an epoch costs O(n_features^2) for any number of
    rows.

    A sample weight of w is equivalent to w presentations in a row; a sparse X gives the same
    model as the dense one. If the error overflows (or, with `tol` set, grows by a factor of a
    million) fitting ends with a ConvergenceWarning and the last finite weights. A
    ConvergenceWarning is also raised if `tol` ends a fit far from the least-squares loss, which
    happens where the features are on different scales.

    Cost: O(n_samples * n_features) per epoch, O(n_features) memory besides the data.

    References
    ----------
    .. [1] B. Widrow and M. E. Hoff, "Adaptive switching circuits", IRE WESCON Convention
       Record 4, 96-104, 1960.
    .. [2] B. Widrow and M. A. Lehr, "30 years of adaptive neural networks: perceptron, Madaline,
       and backpropagation", Proc. IEEE 78(9), 1415-1442, 1990.
    .. [3] F. Bach and E. Moulines, "Non-strongly-convex smooth stochastic approximation with
       convergence rate O(1/n)", NeurIPS 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra import LMSRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 2))
    >>> y = 1 + X @ [1, -2] + 0.01 * rng.standard_normal(100)
    >>> lms = LMSRegressor(learning_rate=0.05, max_iter=20, tol=None).fit(X, y)
    >>> lms.coef_.round(2)
    array([ 1., -2.])
    >>> lms.learning_rate_ < lms.stability_.guaranteed_bound
    True
    """

    coef_: FloatArray
    intercept_: float | np.floating[Any] | FloatArray

    _average_options = ("auto",)
    _direct_variants = "'rls' or 'wiener'"

    def __init__(
        self,
        *,
        variant: Literal["lms", "nlms", "rls", "wiener"] = "lms",
        learning_rate: float | Literal["auto"] = "auto",
        forgetting: float = 1.0,
        delta: float = 0.01,
        max_iter: Int = 1000,
        tol: float | None = 1e-5,
        shuffle: bool = False,
        average: bool | Literal["auto"] = "auto",
        fit_intercept: bool = True,
        warm_start: bool = False,
        random_state: RandomStateLike = None,
    ) -> None:
        self.variant = variant
        self.learning_rate = learning_rate
        self.forgetting = forgetting
        self.delta = delta
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.average = average
        self.fit_intercept = fit_intercept
        self.warm_start = warm_start
        self.random_state = random_state

    @all_or_nothing
    @with_callbacks
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Adapt the weights to the data, epoch after epoch.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, float64 or float32 (anything else becomes float64).

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Desired outputs.

        coef_init : array-like of the shape of `coef_`, default=None
            Weights to start from instead of zero ('lms', 'nlms' and 'rls').

        intercept_init : float or array-like of shape (n_outputs,), default=None
            Bias weight to start from instead of zero.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; w is equivalent to w presentations of the row.

        Returns
        -------
        LMSRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, the data or an initial weight is invalid. The estimator is then left
            as it was.
        """
        self._check_parameters()
        finite = not self._finite_by_norms(sample_weight)
        X, y = self._check_pair(X, y, reset=True, ensure_all_finite=finite)
        data = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        self._single_output = y.ndim == 1
        targets = as_targets(y, X.dtype)
        X, targets, sample_weight = self._drop_unweighted(X, targets, sample_weight)
        if self.variant == "wiener":
            if coef_init is not None or intercept_init is not None:
                raise ValueError(
                    "variant='wiener' is in closed form and takes no initial weights."
                )
            self._fit_wiener(X, targets, sample_weight, data)
            return self
        w = self._initial_weights(targets.shape[1], X.shape[1], X.dtype, coef_init, intercept_init)
        if self.variant == "rls":
            self._fit_rls(X, targets, sample_weight, w, data)
        else:
            self._fit_epochs(X, targets, sample_weight, w, data)
        return self

    @available_if(_recursive)
    @all_or_nothing
    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Present the rows once, in the order given, starting from the current weights.

        Chunks of a stream give the same weights as the whole in one call, if `learning_rate` is a
        number. `shuffle` is ignored. With `average` the mean is that of the iterates since
        averaging was switched on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The next rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their desired outputs.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        LMSRegressor
            The estimator.

        Raises
        ------
        ValueError
            If the data are invalid or unlike those seen before, or `fit_intercept` has changed.
        """
        X, targets = self._check_chunk(X, y)
        X, targets, sample_weight = self._drop_unweighted(X, targets, sample_weight)
        if self.variant == "rls":
            self._adapt_rls(X, targets, sample_weight, keep_path=False)
        else:
            self._present_once(X, targets, sample_weight)
        return self

    @available_if(_recursive)
    @all_or_nothing
    def adapt(self, X: MatrixLike, y: ArrayLike, return_path: bool = False) -> AdaptiveTrace:
        """Filter a signal while adapting to it: one pass from the current weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in order of time, for example from :class:`TappedDelayLine`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Desired signal.

        return_path : bool, default=False
            Whether to keep the weights after every row, which takes n_samples times their
            memory.

        Returns
        -------
        AdaptiveTrace
            A-priori outputs and errors, and the weight path if asked for.

        Examples
        --------
        >>> import numpy as np
        >>> from skextra import LMSRegressor
        >>> X = np.ones((4, 1))
        >>> filter = LMSRegressor(learning_rate=0.5, fit_intercept=False)
        >>> filter.adapt(X, [1, 1, 1, 1]).error
        array([1.   , 0.5  , 0.25 , 0.125])
        """
        X, targets = self._check_chunk(X, y)
        if self.variant == "rls":
            outputs, path = self._adapt_rls(X, targets, None, keep_path=bool(return_path))
        else:
            outputs, path = self._adapt_once(X, targets, bool(return_path))
        with np.errstate(over="ignore", invalid="ignore"):  # of a filter that has diverged
            errors = targets - outputs
        if self._single_output:
            outputs, errors = outputs[:, 0], errors[:, 0]
            path = path if path is None else path[:, 0]
        if path is None:
            return AdaptiveTrace(outputs, errors)
        return AdaptiveTrace(outputs, errors, path[..., :-1], path[..., -1])

    def predict(self, X: MatrixLike) -> FloatArray:
        """Return the outputs of the fitted weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            ``X @ coef_.T + intercept_``.
        """
        return self._linear_output(X)

    @property
    def inverse_correlation_(self) -> FloatArray:
        """The matrix P of 'rls', computed from the factors that the recursion carries."""
        inverse = self._stream_so_far().inverse
        if inverse is None:
            raise AttributeError(
                "inverse_correlation_ exists once variant='rls' has seen data; "
                f"this estimator has variant={self.variant!r}."
            )
        return InverseCorrelation(*inverse).matrix()

    def _check_parameters(self) -> None:
        self._check_option("variant", _VARIANTS)
        super()._check_parameters()
        self._check_number("forgetting", low=0, high=1, boundaries="right")
        self._check_number("delta", low=0, boundaries="neither")

    def _check_pair(self, X, y, reset, ensure_all_finite=True):
        return validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            y_numeric=True,
            multi_output=True,
            reset=reset,
            ensure_all_finite=ensure_all_finite,
        )

    def _check_chunk(self, X: MatrixLike, y: ArrayLike) -> tuple[FloatMatrix, FloatArray]:
        """Return the next rows of a stream and their targets, in the dtype of its first."""
        self._check_parameters()
        self._check_same_inputs()
        first = not hasattr(self, "coef_")
        X, y = self._check_pair(X, y, reset=first)
        if first:
            self._single_output = y.ndim == 1
            return X, as_targets(y, X.dtype)
        targets = as_targets(y, self.coef_.dtype)
        known = 1 if self._single_output else self.coef_.shape[0]
        if targets.shape[1] != known or (y.ndim == 1) != self._single_output:
            raise ValueError(
                f"y has shape {y.shape}, but this estimator has adapted to {known} output(s); "
                "keep the shape from chunk to chunk, or start a new estimator."
            )
        return X.astype(self.coef_.dtype, copy=False), targets

    def _fit_wiener(self, X, targets, sample_weight, data):
        self._restart(Stream())
        w = wiener_weights(X, targets, sample_weight, self.fit_intercept)
        self._finish_direct(X, targets, sample_weight, w, data)

    def _fit_rls(self, X, targets, sample_weight, w, data):
        if self.shuffle:
            rows = as_rows(X, self.fit_intercept)
            order = presentation_order(rows, targets, random_state_of(self.random_state))
            X, targets = X[order], targets[order]
            sample_weight = None if sample_weight is None else sample_weight[order]
        self._restart(Stream(last=w))
        self._adapt_rls(X, targets, sample_weight, keep_path=False)
        stream = self._stream_so_far()
        self._finish_direct(X, targets, sample_weight, stream.last, data)
        if report := faint_features_report(self, InverseCorrelation(*stream.inverse)):
            warn_caller(report, ConvergenceWarning)

    def _adapt_rls(self, X, targets, sample_weight, keep_path):
        """Present the rows once by recursive least squares, from the state of the last call."""
        rows, stream = as_rows(X, self.fit_intercept), self._stream_so_far()
        w = stream.last
        if w is None:
            w = np.zeros((targets.shape[1], rows.p + 1))
        if stream.inverse is None:
            inverse = InverseCorrelation.initial(rows.p + bool(self.fit_intercept), self.delta)
        else:
            inverse = InverseCorrelation(*stream.inverse)
        done = rls_pass(
            rows,
            targets,
            sample_weight,
            w,
            inverse,
            forgetting=self.forgetting,
            delta=self.delta,
            keep_path=keep_path,
        )
        self.n_iter_ = getattr(self, "n_iter_", 0) + 1
        if done.is_finite:
            w, inverse = done.weights, done.inverse
        else:
            warn_caller(
                "LMSRegressor: recursive least squares overflowed, and the weights are those "
                "before this call; scale the features and y down.",
                ConvergenceWarning,
            )
        if done.limited:
            warn_caller(excitation_report(self, done.limited, X.dtype), ConvergenceWarning)
        for name in ("learning_rate_", "_stability"):
            vars(self).pop(name, None)
        self._stream = tuple(stream._replace(settled=None, inverse=tuple(inverse)))
        self._publish(Weights(w, w), X.dtype)
        outputs, path = done.outputs.astype(X.dtype, copy=False), done.path
        return outputs, path if path is None else path.astype(X.dtype, copy=False)

    def _finish_direct(self, X, targets, sample_weight, w, data):
        """Publish weights that took one pass, or none."""
        weights = Weights(w, w)
        reporter = EpochReporter(
            self, 0, lambda state: self._attributes(state.published, X.dtype), **data
        )
        outputs = safe_sparse_dot(X, w[:, :-1].T, dense_output=True) + w[:, -1]
        squares = np.mean(np.square(targets - outputs, dtype=np.float64), axis=1)
        self.n_iter_ = 1
        self.loss_curve_ = np.asarray([np.average(squares, weights=sample_weight)])
        self._publish(weights, X.dtype)
        reporter.finish(weights)
