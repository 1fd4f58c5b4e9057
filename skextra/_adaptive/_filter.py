"""What LMSRegressor and Adaline share: from validated data to published weights."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import assert_all_finite
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight

from skextra._adaptive._epochs import GROWTH, RowByRow, Stopping, run_epochs
from skextra._adaptive._faint_rows import is_silent
from skextra._adaptive._gains import automatic_rate, gains_of, mean_square, part_of_gains
from skextra._adaptive._inputs import InputPower, Inputs
from skextra._adaptive._reports import fit_report, shortfall_report, stream_report
from skextra._adaptive._rows import FILE_ORDER, DenseRows, Rows, as_rows, presentation_order
from skextra._adaptive._shortfall import shortfall
from skextra._adaptive._spectrum import moments_if_cheap
from skextra._adaptive._stability import LMSStability, measure, measure_exactly
from skextra._adaptive._stream import Chunk, Stream
from skextra._adaptive._weights import Weights
from skextra._base import Estimator, frozen, random_state_of, warn_caller
from skextra._callbacks import CallbackSupportMixin, EpochReporter
from skextra._common._new_rows import check_new
from skextra._kernels._lms_dense import lms_adapt
from skextra._sklearn import Tags
from skextra._typing import FloatArray, FloatMatrix, Int, MatrixLike, RandomStateLike

# Targets whose squares stay within the range of float64 (2e-308 to 2e308), with room for errors
# that grow beyond the targets before they shrink.
_SMALLEST_TARGET, _LARGEST_TARGET = 1e-150, 1e152
# Of the largest row: below it, a learning rate of its inverse overflows.
_SMALLEST_POWER = 1e-300


class AdaptiveFilter(CallbackSupportMixin, Estimator):
    """Linear combiner adapted by LMS or NLMS; book-keeping common to its estimators."""

    variant: Any  # a Literal of the estimator's
    learning_rate: float | Literal["auto"]
    max_iter: Int
    tol: float | None
    shuffle: bool
    average: Any  # bool, or a Literal of the estimator's
    fit_intercept: bool
    warm_start: bool
    random_state: RandomStateLike

    loss_curve_: NDArray[np.float64]
    n_iter_: int
    learning_rate_: float
    _stream: tuple[Any, ...]  # the fields of a Stream
    _stability: tuple[Any, ...]  # those of LMSStability
    _single_output: bool

    # Names that `average` takes besides True and False.
    _average_options: tuple[str, ...] = ()
    # Variants without a learning rate, which a warning can recommend.
    _direct_variants: str | None = None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def stability_(self) -> LMSStability:
        """Bounds on the learning rate, LMSStability."""
        if "_stability" not in vars(self):  # kept as numbers, which every way to store can store
            raise AttributeError(f"This {type(self).__name__} has no stability_.")
        return LMSStability(*self._stability)

    def _check_parameters(self) -> None:
        if isinstance(self.learning_rate, str):
            if self.learning_rate != "auto":
                raise ValueError(
                    f"learning_rate={self.learning_rate!r}; use 'auto' or a positive number."
                )
        else:
            self._check_number("learning_rate", low=0, boundaries="neither")
        self._check_number("max_iter", low=1, integer=True)
        if self.tol is not None:
            self._check_number("tol", low=0)
        if not isinstance(self.average, str):
            self._check_flag("average")
        elif self.average not in self._average_options:
            options = ", ".join(repr(option) for option in (True, False, *self._average_options))
            raise ValueError(f"average={self.average!r} is not an option; use one of {options}.")
        self._check_flag("shuffle", "fit_intercept", "warm_start")
        if not self.shuffle:  # which asks for the generator, and that takes .05 ms
            random_state_of(self.random_state)

    def _finite_by_norms(self, sample_weight: ArrayLike | None) -> bool:
        """Whether the norms of the rows tell if X is finite, so that no pass is made for that.

        All rows have to take part: one of weight zero may not.
        """
        return sample_weight is None and self.variant in ("lms", "nlms")

    def _drop_unweighted(self, X, targets, sample_weight):
        """Validate the weights; leave out rows of weight zero."""
        if sample_weight is None:
            return X, targets, None
        sample_weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        present = sample_weight > 0
        if not present.all():
            X, targets, sample_weight = X[present], targets[present], sample_weight[present]
        return X, targets, sample_weight

    def _initial_weights(self, n_outputs, p, dtype, coef_init, intercept_init):
        w = np.zeros((n_outputs, p + 1), dtype)
        if self.warm_start and hasattr(self, "coef_"):
            self._check_same_inputs()
            if np.size(self.coef_) != n_outputs * p:
                raise ValueError(
                    f"warm_start=True continues with coef_ of shape {self.coef_.shape}, but these "
                    f"data have {p} features and need {n_outputs} output(s); refit with "
                    "warm_start=False."
                )
            if coef_init is None:
                coef_init = self.coef_
            if intercept_init is None:
                intercept_init = self.intercept_
        if coef_init is not None:
            w[:, :-1] = _shaped(coef_init, "coef_init", (n_outputs, p), dtype)
        if intercept_init is not None:
            bias = _shaped(intercept_init, "intercept_init", (n_outputs,), dtype)
            if not self.fit_intercept and bias.any():
                raise ValueError("intercept_init is given, but fit_intercept=False.")
            w[:, -1] = bias
        return w

    def _check_same_inputs(self) -> None:
        """Raise ValueError if `fit_intercept` is not that of the weights to continue from."""
        has_intercept = self._stream_so_far().has_intercept
        if has_intercept not in (None, bool(self.fit_intercept)):
            raise ValueError(
                f"fit_intercept={self.fit_intercept!r}, but the weights to continue from were "
                f"adapted with fit_intercept={has_intercept!r}. Set it back, or start again with "
                "`fit` and warm_start=False."
            )

    def _fit_epochs(self, X, targets, sample_weight, w, data):
        """Run epochs to convergence, publish and warn: the rest of `fit` by LMS or NLMS."""
        if 0.0 < (largest := _largest(targets)) < _SMALLEST_TARGET:
            raise ValueError(f"y goes up to {largest:g}, the square of which underflows; scale y.")
        rows, order, dtype = as_rows(X, self.fit_intercept), FILE_ORDER, X.dtype
        if self.shuffle:
            order = presentation_order(rows, targets, random_state_of(self.random_state))
        power = None
        if self._measures_while_adapting(rows, sample_weight):
            rate = float(self.learning_rate)
            inputs = Inputs(self.variant, rows, None, sample_weight, order)
        else:
            inputs = Inputs(self.variant, rows, rows.powers(), sample_weight, order)
            power = InputPower().including(inputs.powers, sample_weight)
            rate = self._rate(power, rows)
            inputs = inputs.audible()
        gains = gains_of(inputs, rate, targets, inputs.rows.dtype)
        inputs, w = inputs.astype(gains.step.dtype), w.astype(gains.step.dtype, copy=False)
        targets = frozen(targets.astype(gains.step.dtype, copy=False))
        start, first = Weights(w, w, average=self._averaging("fit")), None
        if power is None:
            first, power = RowByRow(inputs, targets, gains).step_measuring(start)
            self._check_power(power, rows)
        moments = moments_if_cheap(inputs, targets)
        stability = measure(inputs, rate, power, moments)
        pace = gains.total * rate * stability.lambda_max  # of the fastest weight, in an epoch
        stopping = Stopping(
            self.max_iter, self.tol, 1.0 / pace if pace > 0 else 0.0, float(np.finfo(dtype).max)
        )

        reporter = EpochReporter(
            self, self.max_iter, lambda state: self._attributes(state.published, dtype), **data
        )
        run = run_epochs(inputs, targets, gains, start, stopping, reporter, first)
        stability = measure_exactly(stability, inputs, run.status == "diverged")
        weights = run.weights
        if weights.average == "epoch":  # a stream goes on from what is published
            weights = Weights(weights.published, weights.published)

        self._restart(Stream(power=tuple(power), settled=(self.variant, self.learning_rate)))
        self.learning_rate_ = rate
        self._stability = tuple(vars(stability).values())
        self.loss_curve_ = run.loss_curve
        self.n_iter_ = len(run.loss_curve)
        self._publish(weights, dtype)
        reporter.finish(weights)

        report = fit_report(self, run, stability, stopping.warm_up)
        if report is None and run.status == "converged":
            found = shortfall(inputs, targets, gains, run, stability, moments)
            if found is not None:
                report = shortfall_report(self, found, issparse(X))
        if report is not None:
            warn_caller(report, ConvergenceWarning)

    def _measures_while_adapting(self, rows: Rows, sample_weight: FloatArray | None) -> bool:
        """Whether the first epoch can measure the power of the rows, for lack of a use before."""
        given = not isinstance(self.learning_rate, str)
        return (
            given and self.variant == "lms" and sample_weight is None and type(rows) is DenseRows
        )

    def _averaging(self, where: Literal["fit", "stream"]) -> bool | Literal["epoch"]:
        """Return what `average` means: 'auto' is for a fit that chooses its rate itself.

        A stream may follow a system that changes, and publishes its newest weights.
        """
        if not isinstance(self.average, str):
            return bool(self.average)
        return "epoch" if where == "fit" and isinstance(self.learning_rate, str) else False

    def _rate(self, power: InputPower, rows: Rows) -> float:
        """Return the learning rate for inputs of this power."""
        self._check_power(power, rows)
        if not isinstance(self.learning_rate, str):
            return float(self.learning_rate)
        mean = power.total / power.weight if power.weight > 0 else 0.0
        rate = automatic_rate(self.variant, mean, power.largest)
        if self.variant == "lms" and power.largest < _SMALLEST_POWER and not is_silent(rows):
            raise ValueError(
                f"The squared norms of the rows of X underflow (up to {power.largest:.4g}), and "
                "learning_rate='auto' overflows; scale the features, for example with "
                "StandardScaler, or use variant='nlms'."
            )
        return rate

    def _check_power(self, power: InputPower, rows: Rows) -> None:
        """Raise ValueError unless X is finite, and the squared norms of its rows are."""
        if not np.isfinite(power.weight) or not np.isfinite(power.total):
            assert_all_finite(rows.matrix, estimator_name=type(self).__name__, input_name="X")
            raise ValueError(
                "The squared norms of the rows of X overflow, alone or times sample_weight; scale "
                "the features, for example with StandardScaler, or the weights."
            )

    def _next_chunk(
        self, X: FloatMatrix, targets: FloatArray, sample_weight: FloatArray | None
    ) -> Chunk:
        """Return the Chunk of the next rows of a stream, for which the rate is settled.

        'auto' is settled by the first chunk, and again whenever a row is too large for the rate:
        whatever comes, the weights cannot diverge.
        """
        rows, stream = as_rows(X, self.fit_intercept), self._stream_so_far()
        inputs = Inputs(self.variant, rows, rows.powers(), sample_weight, FILE_ORDER)
        power = InputPower(*stream.power).including(inputs.powers, sample_weight)
        rate, wanted = self._rate(power, rows), (self.variant, self.learning_rate)
        settled = stream.settled == wanted
        if settled and (self.variant == "nlms" or self.learning_rate_ * power.largest <= 1.0):
            rate = self.learning_rate_
        inputs = inputs.audible()
        if not settled or rate != self.learning_rate_:
            self.learning_rate_ = rate
            chunk_power = InputPower().including(inputs.powers, sample_weight)
            self._stability = tuple(vars(measure(inputs, rate, chunk_power)).values())
        stream = stream._replace(power=tuple(power), settled=wanted, inverse=None)
        self._stream = tuple(stream)

        gains = gains_of(inputs, rate, targets, inputs.rows.dtype)
        inputs, real = inputs.astype(gains.step.dtype), gains.step.dtype
        targets = frozen(targets.astype(real, copy=False))
        last, mean = stream.last, stream.mean
        if last is None:
            last = mean = np.zeros((targets.shape[1], rows.p + 1))
        last, mean = (w.astype(real, copy=False) for w in (last, mean))
        before = Weights(last, mean, stream.presented, self._averaging("stream"))
        return Chunk(inputs, targets, gains, before, X.dtype)

    def _present_once(
        self, X: FloatMatrix, targets: FloatArray, sample_weight: FloatArray | None
    ) -> None:
        """Present the rows once in the order given, from the weights of the last call."""
        chunk = self._next_chunk(X, targets, sample_weight)
        gains, before = chunk.gains, chunk.before
        with np.errstate(over="ignore", invalid="ignore"):
            loss, last, added = chunk.inputs.rows.epoch(
                FILE_ORDER, chunk.targets, gains, bool(before.average), before.last, before.last
            )
            after = before.advanced(last, before.last + added, gains.total)
        self._publish_chunk(chunk, after, loss)

    def _adapt_once(
        self, X: FloatMatrix, targets: FloatArray, keep_path: bool
    ) -> tuple[FloatArray, FloatArray | None]:
        """Present the rows once and return (a-priori outputs, weight path or None)."""
        chunk = self._next_chunk(X, targets, None)
        rows, targets, gains, before = chunk.inputs.rows, chunk.targets, chunk.gains, chunk.before
        outputs = np.empty_like(targets)
        path = np.empty((len(targets) if keep_path else 0, *before.last.shape), rows.dtype)
        last = before.last.copy()
        total = np.zeros(last.shape)
        loss = rows.loss(targets, gains, last) if self._may_diverge(chunk) else 0.0
        for part, block, scale in rows.dense_chunks():
            is_scaled = not np.isscalar(scale)
            lms_adapt(
                block.strided,
                frozen(targets[part] * scale) if is_scaled else targets[part],
                tuple(part_of_gains(gains, part) if gains.inc else gains),
                last,
                total,
                outputs[part],
                path[part] if keep_path else path,
            )
            if is_scaled:
                np.divide(outputs[part], scale, out=outputs[part], where=scale > 0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = (total / rows.n).astype(rows.dtype)
            after = before.advanced(last, mean, float(rows.n))
        self._publish_chunk(chunk, after, loss)
        with np.errstate(over="ignore"):
            outputs = outputs.astype(X.dtype, copy=False)
            return outputs, path.astype(X.dtype, copy=False) if keep_path else None

    def _may_diverge(self, chunk: Chunk) -> bool:
        """Whether the rate is beyond what is safe for any sequence of rows such as these."""
        largest = 1.0 if self.variant == "nlms" else chunk.inputs.powers.max()
        return self.learning_rate_ * largest > 2.0

    def _publish_chunk(self, chunk: Chunk, after: Weights, loss: float) -> None:
        """Publish the weights after a chunk unless they overflowed; warn if they diverge.

        `loss` is that of the weights before, summed over the outputs.
        """
        rows, targets, gains = chunk.inputs.rows, chunk.targets, chunk.gains
        self.n_iter_ = getattr(self, "n_iter_", 0) + 1
        limit = np.finfo(chunk.dtype).max
        if not all(np.abs(w).max() <= limit for w in (after.last, after.published)):
            self._publish(chunk.before, chunk.dtype)
            what = "the weights overflowed and are those before this call"
            warn_caller(stream_report(self, what, rows.powers()), ConvergenceWarning)
            return
        self._publish(after, chunk.dtype)
        if self._may_diverge(chunk):
            stream = self._stream_so_far()
            scale = loss / targets.shape[1] if stream.error_scale is None else stream.error_scale
            scale = max(scale, mean_square(targets, gains))
            self._stream = tuple(stream._replace(error_scale=scale))
            with np.errstate(over="ignore", invalid="ignore"):
                now = rows.loss(targets, gains, after.last) / targets.shape[1]
            if not now <= GROWTH * scale:
                what = f"the mean squared error of this call's rows is now {now:.4g}"
                warn_caller(stream_report(self, what, rows.powers()), ConvergenceWarning)

    def _stream_so_far(self) -> Stream:
        """Return the Stream that earlier calls left."""
        return Stream(*vars(self).get("_stream", ()))

    def _restart(self, stream: Stream) -> None:
        """Forget what earlier calls left, so that a fit depends on its data alone."""
        for name in ("learning_rate_", "_stability", "loss_curve_", "n_iter_"):
            vars(self).pop(name, None)
        self._stream = tuple(stream)

    def _publish(self, weights: Weights, dtype: DTypeLike) -> None:
        stream = self._stream_so_far()._replace(
            last=weights.last.astype(dtype, copy=False),
            mean=weights.mean.astype(dtype, copy=False),
            presented=weights.presented,
            has_intercept=bool(self.fit_intercept),
        )
        self._stream = tuple(stream)
        for name, value in self._attributes(weights.published, dtype).items():
            setattr(self, name, value)

    def _attributes(self, published: FloatArray, dtype: DTypeLike) -> dict[str, Any]:
        """Return the fitted attributes that hold the weights."""
        published = published.astype(dtype)
        coef, intercept = published[:, :-1], published[:, -1]
        if self._single_output:
            return {"coef_": coef[0].copy(), "intercept_": intercept[0]}
        return {"coef_": coef.copy(), "intercept_": intercept.copy()}

    def _linear_output(self, X: MatrixLike) -> FloatArray:
        X = check_new(self, X, accept_sparse=True, order=None)
        return safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_


def _shaped(value, name, shape, dtype):
    """Return an initial value as an array of `shape`; one output may come without its axis."""
    array = np.asarray(value, dtype)
    if shape[0] == 1 and array.shape == shape[1:]:
        array = array.reshape(shape)
    if array.shape != shape:
        raise ValueError(
            f"{name} has shape {array.shape}, but these data need "
            f"{shape[1:] if shape[0] == 1 else shape}."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains NaN or infinity.")
    return array


def _largest(array: FloatArray) -> float:
    """Return the largest absolute value, without an array of them."""
    return float(max(array.max(), -array.min()))


def as_targets(y: NDArray[Any], dtype: DTypeLike) -> FloatArray:
    """Return targets as a contiguous (n_samples, n_outputs) array of `dtype`."""
    if issparse(y):
        raise TypeError("y is a sparse matrix; pass a dense array, such as y.toarray().")
    with np.errstate(over="ignore"):
        targets = np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)
    largest = _largest(targets)
    if not np.isfinite(largest):
        raise ValueError(
            f"y has values beyond the range of {np.dtype(dtype).name}, the dtype of X; pass X as "
            "float64 or scale y."
        )
    if largest > _LARGEST_TARGET:
        raise ValueError(f"y goes up to {largest:g}, the square of which overflows; scale y.")
    return frozen(targets)
