"""Adaline: Widrow's +-1 classifier."""

from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from skextra._adaptive._filter import AdaptiveFilter
from skextra._base import all_or_nothing
from skextra._callbacks import with_callbacks
from skextra._common._classes import (
    check_labels,
    check_same_classes,
    class_weights,
    decided,
    settle_classes,
    signed_targets,
    streamable,
)
from skextra._sklearn import ClassifierMixin, available_if
from skextra._typing import ClassWeight, FloatArray, Int, LabelArray, MatrixLike, RandomStateLike


class Adaline(ClassifierMixin, AdaptiveFilter):
    """Adaptive linear neuron: a classifier whose targets are +1 and -1, trained by LMS.

    One neuron learns whether a row belongs to a class; with more than two classes there is one
    neuron for each, and the largest linear output wins. Unlike the perceptron, an Adaline adapts
    on its linear output, so that it converges to the least-squares separation whether or not the
    classes are separable.

    Parameters
    ----------
    variant : {'lms', 'nlms'}, default='lms'
        The algorithm.

        - 'lms': ``w += learning_rate * e * x``.
        - 'nlms': ``w += learning_rate * e * x / ||x||^2``, Widrow's alpha-LMS: every step removes
          the same share of the error, whatever the scale of the row.

    learning_rate : float or 'auto', default='auto'
        Step size. A larger rate converges faster; too large a rate diverges. 'auto' takes the
        smaller of half the bound that guarantees stability and the rate of 10% misadjustment. In
        a stream the first chunk sets it, and larger rows in later chunks lower it.

    max_iter : int, default=1000
        Largest number of epochs.

    tol : float or None, default=1e-3
        Relative tolerance: `fit` stops when the mean squared error has changed by less than this
        fraction in three successive epochs. None runs all `max_iter` epochs, as long as the
        weights are finite.

    shuffle : bool, default=True
        Whether to present the rows in random order, the same in every epoch. Without it, rows
        sorted by class give poor weights. The random order depends on the content of the rows,
        not on their position. `partial_fit` keeps the order given.

    average : bool, default=True
        Whether `coef_` and `intercept_` are the mean of all iterates (Polyak averaging) instead
        of the last iterate, which favours the rows presented last.

    fit_intercept : bool, default=True
        Whether to add a constant input of 1, whose weight (the bias weight) is adapted like the
        others.

    class_weight : dict, 'balanced' or None, default=None
        Positive weights of classes, 1 for those not named, which multiply the sample weights.
        'balanced' gives all classes the same total: ``n_samples / (n_classes * count)`` for a
        class of `count` rows.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the previous fit instead of from zero.

    random_state : int, RandomState instance or None, default=None
        Seed of the random order with ``shuffle=True``. Pass an int for reproducible weights.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights, one row for two classes, of the dtype of X.

    intercept_ : ndarray of shape (1,) or (n_classes,)
        Bias weights.

    loss_curve_ : ndarray of shape (n_epochs,)
        Mean squared error of the linear outputs over the training set after each epoch of `fit`.
        `partial_fit` leaves it unchanged.

    n_iter_ : int
        Epochs run by `fit`, plus calls of `partial_fit` since.

    learning_rate_ : float
        The rate used.

    stability_ : LMSStability
        Bounds on the learning rate.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, when X has string names for all.

    See Also
    --------
    LMSRegressor : The same rule for continuous targets.
    sklearn.linear_model.Perceptron : Adapts on the thresholded output.
    sklearn.linear_model.SGDClassifier : With ``loss='squared_error'``, the closest equivalent.

    Notes
    -----
    A sample weight of w is equivalent to w presentations in a row. A sparse X gives the same
    model as the dense one. With ``shuffle=True`` the order of the rows in the file does not
    matter. A decision value of exactly 0 is the first class. A ConvergenceWarning is raised if a
    fit diverges, or if `tol` ends it far from the least-squares loss, which happens where the
    features are on different scales. Cost: O(n_samples * n_features * n_classes) per epoch.

    References
    ----------
    .. [1] B. Widrow and M. E. Hoff, "Adaptive switching circuits", IRE WESCON Convention
       Record 4, 96-104, 1960.
    .. [2] B. Widrow and M. A. Lehr, "30 years of adaptive neural networks: perceptron, Madaline,
       and backpropagation", Proc. IEEE 78(9), 1415-1442, 1990.

    Examples
    --------
    >>> from skextra import Adaline
    >>> X = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    >>> nand = Adaline(random_state=0).fit(X, [1, 1, 1, -1])
    >>> nand.predict(X)
    array([ 1,  1,  1, -1])
    """

    classes_: LabelArray
    coef_: FloatArray
    intercept_: FloatArray

    _single_output = False

    def __init__(
        self,
        *,
        variant: Literal["lms", "nlms"] = "lms",
        learning_rate: float | Literal["auto"] = "auto",
        max_iter: Int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        average: bool = True,
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        warm_start: bool = False,
        random_state: RandomStateLike = None,
    ) -> None:
        self.variant = variant
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.average = average
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
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
        """Train the neurons, epoch after epoch.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, float64 or float32 (anything else becomes float64).

        y : array-like of shape (n_samples,)
            Class labels of any kind.

        coef_init : array-like of the shape of `coef_`, default=None
            Weights to start from instead of zero.

        intercept_init : array-like of the shape of `intercept_`, default=None
            Bias weights to start from instead of zero.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; w is equivalent to w presentations of the row. A class all of
            whose rows have weight 0 does not exist.

        Returns
        -------
        Adaline
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, the data or an initial weight is invalid, or there is only one class.
            The estimator is then left as it was.
        """
        self._check_parameters()
        finite = not self._finite_by_norms(sample_weight)
        X, y = self._check_pair(X, y, reset=True, ensure_all_finite=finite)
        data = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        X, y, sample_weight = self._drop_unweighted(X, y, sample_weight)
        previous = getattr(self, "classes_", None)
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(
                f"Adaline needs rows of at least two classes with a sample weight above zero; "
                f"got one class, {classes.tolist()[0]!r}."
            )
        if self.warm_start and previous is not None:
            check_same_classes(previous, classes)
        self.classes_ = classes
        sample_weight = self._with_class_weight(y, sample_weight)
        targets = signed_targets(y, self.classes_, X.dtype)
        w = self._initial_weights(targets.shape[1], X.shape[1], X.dtype, coef_init, intercept_init)
        self._fit_epochs(X, targets, sample_weight, w, data)
        return self

    @available_if(streamable)
    @all_or_nothing
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Present the rows once, in the order given, starting from the current weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The next rows.

        y : array-like of shape (n_samples,)
            Their labels.

        classes : array-like of shape (n_classes,), default=None
            All labels that can occur in the stream. Required in the first call, optional
            afterwards.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        Adaline
            The estimator.

        Raises
        ------
        ValueError
            If `classes` is missing in the first call or differs later, or y has other labels.

        AttributeError
            With ``class_weight='balanced'``, which needs all data at once.
        """
        self._check_parameters()
        self._check_same_inputs()
        first = not hasattr(self, "coef_")
        X, y = self._check_pair(X, y, reset=first)
        self.classes_ = settle_classes(None if first else self.classes_, classes)
        check_labels(y, self.classes_)
        if not first:
            X = X.astype(self.coef_.dtype, copy=False)
        sample_weight = self._with_class_weight(y, sample_weight)
        X, y, sample_weight = self._drop_unweighted(X, y, sample_weight)
        self._present_once(X, signed_targets(y, self.classes_, X.dtype), sample_weight)
        return self

    def decision_function(self, X: MatrixLike) -> FloatArray:
        """Return the linear outputs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one output, positive for ``classes_[1]``.
        """
        outputs = self._linear_output(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def predict(self, X: MatrixLike) -> LabelArray:
        """Return the class of every row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        return decided(self.decision_function(X), self.classes_)

    def _check_parameters(self) -> None:
        self._check_option("variant", ("lms", "nlms"))
        super()._check_parameters()

    def _check_pair(self, X, y, reset, ensure_all_finite=True):
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            reset=reset,
            ensure_all_finite=ensure_all_finite,
        )
        # It costs a tenth of a small fit, and passes labels of these kinds that repeat.
        if y.ndim > 1 or y.dtype.kind not in "biuU" or 2 * len(np.unique(y)) > len(y):
            check_classification_targets(y)
        return X, column_or_1d(y)

    def _with_class_weight(
        self, y: LabelArray, sample_weight: FloatArray | None
    ) -> FloatArray | None:
        if self.class_weight is None:
            return sample_weight
        present, codes = np.unique(y, return_inverse=True)
        weights = class_weights(self.class_weight, present, y, sample_weight, self.classes_)
        per_row = weights[codes]
        return per_row if sample_weight is None else per_row * sample_weight
