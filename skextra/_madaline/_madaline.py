"""Madaline: a network of Adalines."""

from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from skextra._adaptive._rows import as_rows, presentation_order
from skextra._base import Estimator, all_or_nothing, frozen, random_state_of, warn_caller
from skextra._callbacks import CallbackSupportMixin, EpochReporter, with_callbacks
from skextra._common._classes import decided
from skextra._madaline._labels import classes_of, classes_of_stream, read_labels, targets_of
from skextra._madaline._network import Network, Shape, as_layers
from skextra._madaline._training import (
    Limits,
    Patterns,
    Rule,
    Training,
    automatic_starts,
    first_draw,
    present,
)
from skextra._sklearn import ClassifierMixin, Tags
from skextra._typing import FloatArray, Int, LabelArray, MatrixLike, RandomStateLike


class Madaline(CallbackSupportMixin, ClassifierMixin, Estimator):
    """Network of Adalines with signum units, trained by Madaline rule II or I.

    The hidden units are Adalines that pass on only their sign. There is no gradient: on an error
    the unit whose sign is easiest to invert is adapted, if inverting it helps (minimal
    disturbance). MRII also trains a layer of output Adalines, one for each class or a single one
    for two classes; MRI has a fixed logic there.

    Parameters
    ----------
    hidden_layer_size : int, default=16
        Number of hidden Adalines; with ``rule='mri'`` and more than two classes, of each class.

    rule : {'mrii', 'mri'}, default='mrii'
        The training rule: 'mrii' [2]_, or 'mri' [1]_ with the outputs fixed to `output_logic`.

    output_logic : {'majority', 'or', 'and'}, default='majority'
        With ``rule='mri'``: an output is positive if more than half, any, or all of its units
        are.

    learning_rate : float, default=0.1
        Share of a unit's error that an adaptation removes (alpha-LMS), above 0 and below 2.

    dead_zone : float, default=0.5
        MRII also adapts on an output that is right but closer to zero than this. 0 adapts on
        errors only, as published.

    usage_gain : float, default=1.0
        How strongly MRII avoids units that have been adapted often, so that all share the load.
        0 switches this off.

    max_candidates : int, default=10
        Number of hidden units that MRII tries to invert, the least sure first.

    pair_trials : bool, default=True
        Whether MRII also tries pairs of these units, if no single one corrects the pattern. The
        second and later starts try no pairs.

    acceptance : {'hinge', 'hamming'}, default='hinge'
        The error that a trial inversion must lower: 'hamming', the number of wrong outputs, as
        published; 'hinge', the total by which outputs fall short of `dead_zone` on the right
        side. The latter learns from every trial and does not stall when some outputs have settled
        early.

    n_init : int or 'auto', default='auto'
        Largest number of starts. Another start, from new random weights, is made as long as more
        than `tol` of the patterns are wrong; the best weights of all starts are kept. 'auto'
        allows 3 to 100, fewer the more an epoch costs. The paper has one.

    max_iter : int, default=200
        Largest number of epochs of a start. 0 keeps the initial weights, for running known
        weights.

    n_iter_no_change : int, default=20
        A start ends after this many epochs without fewer wrong patterns; the second and later
        ones after three times as many, or when no pattern is wrong. The first continues without
        errors, which widens the margins.

    tol : float, default=0.01
        Fraction of wrong patterns up to which no other start is made.

    warm_start : bool, default=False
        Whether the first start of `fit` begins with the weights of the previous fit.

    random_state : int, RandomState instance or None, default=None
        Draws the weights of every start and the order of the patterns in every epoch. Pass an int
        for reproducible fits.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; with several labels per pattern, the numbers of the outputs.

    coefs_ : list of ndarray
        Weights of the hidden units, of shape (n_features, n_units), and with MRII of the
        outputs, of shape (n_units, n_outputs).

    intercepts_ : list of ndarray
        Bias weights of the same layers.

    loss_curve_ : ndarray of shape (n_epochs,)
        Fraction of wrong training patterns after each epoch of `fit`, start after start.

    n_iter_ : int
        Epochs run by `fit`, over all starts, plus calls of `partial_fit` since.

    n_restarts_ : int
        Starts of `fit` after the first.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, when X has string names for all.

    See Also
    --------
    Adaline : A single unit.
    sklearn.neural_network.MLPClassifier : Smooth units, trained by backpropagation.

    Notes
    -----
    Four things are not in the papers: acceptance by hinge loss, the dead zone, other starts, and
    the pocket that keeps the weights with the fewest errors. Closest to MRII as published is
    ``Madaline(acceptance='hamming', dead_zone=0, n_init=1, max_candidates=hidden_layer_size)``.
    It still differs by the pocket, the end after epochs without progress, output weights that
    begin near zero, and trials of at most two units. The first start has output weights up to
    .01. Later ones have output weights up to 1 and a fifth of the dead zone, try no pairs, and
    are better at Boolean functions, in which few units must all be right.

    Scale the features first. A linear sum of exactly 0 counts as negative, a decision value of 0
    as the first class. The order of the rows in the file does not matter. Cost of an epoch:
    O(n_samples * n_features * n_units), and up to ``max_candidates ** 2 / 2`` trials, each
    O(n_outputs), for every pattern that is adapted to. Memory beyond X: the weights and the
    targets.

    References
    ----------
    .. [1] B. Widrow and M. A. Lehr, "30 years of adaptive neural networks: perceptron, Madaline,
       and backpropagation", Proc. IEEE 78(9), 1415-1442, 1990.
    .. [2] R. Winter and B. Widrow, "MADALINE RULE II: a training algorithm for neural networks",
       IEEE International Conference on Neural Networks, 401-408, 1988.

    Examples
    --------
    >>> from skextra import Madaline
    >>> X = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    >>> xor = Madaline(2, random_state=0).fit(X, [0, 1, 1, 0])
    >>> xor.predict(X)
    array([0, 1, 1, 0])
    """

    classes_: LabelArray
    coefs_: list[FloatArray]
    intercepts_: list[FloatArray]
    loss_curve_: NDArray[np.float64]
    n_iter_: int
    n_restarts_: int
    _columns: bool  # whether a pattern has several labels
    _need: int  # that of the Shape
    _usage: NDArray[np.float64]  # adaptations of every hidden unit in a stream

    def __init__(
        self,
        hidden_layer_size: Int = 16,
        *,
        rule: Literal["mrii", "mri"] = "mrii",
        output_logic: Literal["majority", "or", "and"] = "majority",
        learning_rate: float = 0.1,
        dead_zone: float = 0.5,
        usage_gain: float = 1.0,
        max_candidates: Int = 10,
        pair_trials: bool = True,
        acceptance: Literal["hinge", "hamming"] = "hinge",
        n_init: Int | Literal["auto"] = "auto",
        max_iter: Int = 200,
        n_iter_no_change: Int = 20,
        tol: float = 0.01,
        warm_start: bool = False,
        random_state: RandomStateLike = None,
    ) -> None:
        self.hidden_layer_size = hidden_layer_size
        self.rule = rule
        self.output_logic = output_logic
        self.learning_rate = learning_rate
        self.dead_zone = dead_zone
        self.usage_gain = usage_gain
        self.max_candidates = max_candidates
        self.pair_trials = pair_trials
        self.acceptance = acceptance
        self.n_init = n_init
        self.max_iter = max_iter
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state

    @all_or_nothing
    @with_callbacks
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        coef_init: list[ArrayLike] | None = None,
        intercept_init: list[ArrayLike] | None = None,
    ) -> Self:
        """Train the network, from several starts if necessary.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training patterns, float64 or float32 (anything else becomes float64).

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels of any kind; or several labels per pattern, as columns of 0 and 1.

        coef_init : list of array-like, default=None
            Weights of the first start, in the shapes of `coefs_`; or, with ``max_iter=0``, the
            weights.

        intercept_init : list of array-like, default=None
            Bias weights of the same layers. If only one of the two is passed, the other is drawn.

        Returns
        -------
        Madaline
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, the data or an initial weight is invalid, or there is only one class.
            The estimator is then left as it was.
        """
        self._check_parameters()
        data = {"X": X, "y": y}
        X, y = self._check_pair(X, y, reset=True)
        classes = classes_of(y)
        targets = targets_of(y, classes, X.dtype)
        shape = self._shape(X, targets)

        random_state = random_state_of(self.random_state)
        given = self._given(shape, X.dtype, coef_init, intercept_init, random_state)
        if given is None and self.warm_start and hasattr(self, "coefs_"):
            given = self._continued(shape, y, classes).astype(X.dtype)
        order = presentation_order(as_rows(X, 1), targets, random_state)
        by_signs = y.ndim == 2 or targets.shape[1] == 1
        patterns = Patterns(frozen(X), frozen(targets), by_signs, order)
        allowed = int(self.tol * len(X) + 1e-9)  # that many patterns, up to rounding
        limits = Limits(self._n_starts(X, shape), self.max_iter, self.n_iter_no_change, allowed)

        self.classes_, self._columns, self._need = classes, y.ndim == 2, shape.need
        n_epochs = max(1, limits.n_starts * self.max_iter)
        reporter = EpochReporter(self, n_epochs, self._attributes, **data)
        training = Training(patterns, limits, random_state, reporter)
        training.run(shape, self._rule(), given)

        self._publish(training.network)
        self.loss_curve_ = np.array(training.curve)
        self.n_iter_ = len(training.curve)
        self.n_restarts_ = training.n_starts - 1
        reporter.finish(training.network)
        if training.wrong > allowed and self.max_iter > 0 and not reporter.was_stopped:
            warn_caller(
                f"Madaline did not converge: {training.wrong} of {len(X)} training patterns are "
                f"still wrong; starts: {training.n_starts}, epochs: {self.n_iter_}. Raise "
                "hidden_layer_size, n_init, max_iter or tol, or scale the features, for example "
                "with StandardScaler.",
                ConvergenceWarning,
            )
        return self

    @all_or_nothing
    def partial_fit(self, X: MatrixLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Present the patterns once, in the order given, starting from the current weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The next patterns.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels.

        classes : array-like of shape (n_classes,), default=None
            All labels that can occur in the stream. Required in the first call, optional
            afterwards and with several labels per pattern.

        Returns
        -------
        Madaline
            The estimator.

        Raises
        ------
        ValueError
            If `classes` is missing in the first call or differs later, y has other labels, or
            `hidden_layer_size`, `rule` or `output_logic` have changed since.
        """
        self._check_parameters()
        first = not hasattr(self, "coefs_")
        X, y = self._check_pair(X, y, reset=first)
        known = (None, False) if first else (self.classes_, self._columns)
        self.classes_ = classes_of_stream(y, *known, classes)
        if not first:
            X = X.astype(self.coefs_[0].dtype, copy=False)
        targets = targets_of(y, self.classes_, X.dtype)
        shape = self._shape(X, targets)

        if first:
            self._columns, self._need = y.ndim == 2, shape.need
            network = first_draw(random_state_of(self.random_state), shape, X.dtype)
        else:
            network = self._network()
            self._check_same_network(shape, network)
        usage = getattr(self, "_usage", np.zeros(len(network.hidden))).copy()
        rule = self._rule()
        settings, room = rule.settings(network), rule.room(network)
        present(X, np.arange(len(X)), targets, network, usage, settings, room)

        self._publish(network)
        self._usage = usage
        self.n_iter_ = getattr(self, "n_iter_", 0) + 1
        return self

    def decision_function(self, X: MatrixLike) -> FloatArray:
        """Return the linear sums of the outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Patterns.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_outputs)
            For two classes one output, positive for ``classes_[1]``. With MRI it is the linear
            sum that decides: the largest for 'or', the smallest for 'and', the middle one for
            'majority'.
        """
        X = self._check_new(X)
        outputs = self._network().decide(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def predict(self, X: MatrixLike) -> LabelArray:
        """Return the class of every pattern.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Patterns.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Labels.
        """
        outputs = self.decision_function(X)
        return (outputs > 0).astype(np.int64) if self._columns else decided(outputs, self.classes_)

    def hidden_activations(self, X: MatrixLike) -> FloatArray:
        """Return the outputs of the hidden units.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Patterns.

        Returns
        -------
        ndarray of shape (n_samples, n_units)
            Signs of the linear sums, +1 or -1.
        """
        X = self._check_new(X)
        sums = self._network().hidden_sums(X)
        return np.where(sums > 0, 1, -1).astype(sums.dtype)

    def _check_new(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], order="C", reset=False)
        return X.astype(self.coefs_[0].dtype, copy=False)

    def _network(self) -> Network:
        one = len(self.classes_) == 2 and not self._columns
        n_outputs = 1 if one else len(self.classes_)
        dtype = self.coefs_[0].dtype
        return Network.from_lists(self.coefs_, self.intercepts_, self._need, n_outputs, dtype)

    def _attributes(self, network: Network) -> dict[str, Any]:
        coefs, intercepts = network.to_lists()
        known = {"classes_": self.classes_, "_columns": self._columns, "_need": self._need}
        return {"coefs_": coefs, "intercepts_": intercepts, **known}

    def _publish(self, network: Network) -> None:
        vars(self).pop("_usage", None)
        self.coefs_, self.intercepts_ = network.to_lists()

    def _check_parameters(self) -> None:
        self._check_option("rule", ("mrii", "mri"))
        self._check_option("output_logic", ("majority", "or", "and"))
        self._check_option("acceptance", ("hinge", "hamming"))
        self._check_flag("pair_trials", "warm_start")
        self._check_number("hidden_layer_size", low=1, integer=True)
        self._check_number("learning_rate", low=0, high=2, boundaries="neither")
        self._check_number("dead_zone", low=0)
        self._check_number("usage_gain", low=0)
        self._check_number("max_candidates", low=1, integer=True)
        self._check_number("max_iter", low=0, integer=True)
        self._check_number("n_iter_no_change", low=1, integer=True)
        self._check_number("tol", low=0, high=1)
        if not isinstance(self.n_init, str) or self.n_init != "auto":
            if not isinstance(self.n_init, Integral):
                raise ValueError(f"n_init={self.n_init!r} must be 'auto' or a whole number.")
            self._check_number("n_init", low=1, integer=True)

    def _check_pair(self, X, y, reset):
        X, y = validate_data(
            self, X, y, dtype=[np.float64, np.float32], order="C", multi_output=True, reset=reset
        )
        return X, read_labels(y)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _shape(self, X: FloatArray, targets: FloatArray) -> Shape:
        """Return the structure that the parameters ask for."""
        size, n_outputs = self.hidden_layer_size, targets.shape[1]
        if self.rule == "mrii":
            return Shape(size, X.shape[1], n_outputs, 0)
        need = {"or": 1, "and": size, "majority": size // 2 + 1}[self.output_logic]
        return Shape(size * n_outputs, X.shape[1], n_outputs, need)

    def _n_starts(self, X: FloatArray, shape: Shape) -> int:
        if self.max_iter == 0:
            return 1
        return automatic_starts(len(X), shape) if self.n_init == "auto" else self.n_init

    def _rule(self) -> Rule:
        return Rule(
            self.learning_rate,
            self.dead_zone,
            self.usage_gain,
            self.max_candidates,
            self.pair_trials,
            self.acceptance,
        )

    def _given(
        self,
        shape: Shape,
        dtype: DTypeLike,
        coef_init: list[ArrayLike] | None,
        intercept_init: list[ArrayLike] | None,
        random_state: np.random.RandomState,
    ) -> Network | None:
        """Return the network of the weights passed, None if none are; what is missing is drawn."""
        if coef_init is None and intercept_init is None:
            return None
        sizes = [shape.n_features, shape.n_units, *([] if shape.need else [shape.n_outputs])]
        drawn = first_draw(random_state, shape, dtype).to_lists()
        layers = as_layers(coef_init, intercept_init, drawn, sizes, dtype)
        return Network.from_lists(*layers, shape.need, shape.n_outputs, dtype)

    def _continued(self, shape: Shape, y: LabelArray, classes: LabelArray) -> Network:
        """Return the network of the previous fit; raise ValueError if it is of another kind."""
        before = self.classes_.tolist()
        if before != classes.tolist() or self._columns != (y.ndim == 2):
            raise ValueError(
                f"warm_start=True continues with the classes {before}, but y has "
                f"{classes.tolist()}; refit with warm_start=False."
            )
        network = self._network()
        self._check_same_network(shape, network)
        return network

    def _check_same_network(self, shape: Shape, network: Network) -> None:
        """Raise ValueError if the parameters ask for another network than the fitted one."""
        n_units, inputs = network.hidden.shape
        if (shape.n_units, shape.n_features + 1, shape.need) != (n_units, inputs, self._need):
            raise ValueError(
                "hidden_layer_size, rule, output_logic or the number of features is not that of "
                f"the fitted network, which has {n_units} hidden units of {inputs - 1} inputs; "
                "use a new estimator, or fit with warm_start=False."
            )
