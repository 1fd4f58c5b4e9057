"""What LMSRegressor and Adaline share: from validated data to published weights."""

from dataclasses import astuple

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skextra._adaptive._epochs import GROWTH, Weights, run_epochs
from skextra._adaptive._faint_rows import FaintRows, audible, is_silent
from skextra._adaptive._gains import Gains, InputPower, automatic_rate
from skextra._adaptive._reports import fit_report, shortfall_report, stream_report
from skextra._adaptive._rows import FILE_ORDER, as_rows, presentation_order
from skextra._adaptive._shortfall import shortfall
from skextra._adaptive._stability import LMSStability, measure, moments_for
from skextra._base import Estimator, frozen, random_state_of, warn_caller
from skextra._callbacks import CallbackSupportMixin, EpochReporter
from skextra._kernels._lms_dense import lms_adapt

# Errors are squared, and may grow beyond the targets before they shrink.
_SMALLEST_TARGET, _LARGEST_TARGET = 1e-150, 1e152
_SMALLEST_POWER = 1e-300  # of the largest row, or a rate that suits it overflows


class AdaptiveFilter(CallbackSupportMixin, Estimator):
    """Linear combiner adapted by LMS or NLMS; book-keeping common to its estimators."""

    # Variants without a learning rate, which a warning can recommend.
    _direct_variants = None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def stability_(self):
        """Bounds on the learning rate, LMSStability."""
        if "_stability" not in vars(self):  # kept as numbers, which every way to store can store
            raise AttributeError(f"This {type(self).__name__} has no stability_.")
        return LMSStability(*self._stability)

    def _check_parameters(self):
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
        self._check_flag("shuffle", "average", "fit_intercept", "warm_start")
        random_state_of(self.random_state)

    def _check_inputs(self, X, reset):
        return validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=reset
        )

    def _drop_unweighted(self, X, targets, sample_weight):
        """Validate the weights; rows of weight zero are as good as absent."""
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

    def _check_same_inputs(self):
        """Refuse to go on with weights that belong to another number of inputs."""
        if bool(self.fit_intercept) != self._has_intercept:
            raise ValueError(
                f"fit_intercept={self.fit_intercept!r}, but the weights to go on from were "
                f"adapted with fit_intercept={self._has_intercept!r}. Set it back, or start again "
                "with `fit` and warm_start=False."
            )

    def _fit_epochs(self, X, targets, sample_weight, w, data):
        """Run epochs to convergence, publish and warn."""
        if 0.0 < (largest := float(np.abs(targets).max())) < _SMALLEST_TARGET:
            raise ValueError(f"y goes up to {largest:g}, the square of which underflows; scale y.")
        rows = as_rows(X, self.fit_intercept)
        order = FILE_ORDER
        if self.shuffle:
            random_state = random_state_of(self.random_state)
            order = presentation_order(rows, targets, random_state)
        powers = rows.powers()
        seen = InputPower().including(powers, sample_weight)
        rate = self._rate(seen, rows)
        rows, powers = audible(rows, powers, self.variant)
        wanted = targets if self.variant == "lms" else None  # else they are to be of plain rows
        moments = moments_for(rows, powers, sample_weight, self.variant, targets=wanted)
        stability = measure(rows, powers, sample_weight, self.variant, rate, order, moments)
        gains = Gains(self.variant, rate, powers, sample_weight, targets, rows.dtype)
        rows, targets, w = in_dtype(gains.dtype, rows, targets, w)
        start = Weights(w, w, 0.0, bool(self.average))
        reporter = EpochReporter(
            self, self.max_iter, lambda state: self._attributes(state.published), **data
        )
        warm_up = _warm_up(gains.total, rate, stability.lambda_max)
        run = run_epochs(
            rows,
            order,
            targets,
            gains,
            start,
            max_iter=self.max_iter,
            tol=self.tol,
            warm_up=warm_up,
            largest=float(np.finfo(self._dtype).max),
            reporter=reporter,
        )
        self._reset_stream()
        self._input_power = astuple(seen)
        self._settled = self.variant, self.learning_rate
        self.learning_rate_ = rate
        self._stability = astuple(stability)
        self.loss_curve_ = run.loss_curve
        self.n_iter_ = len(run.loss_curve)
        self._publish(run.weights)
        reporter.finish(run.weights)
        if report := fit_report(self, run.status, run.loss_curve, warm_up):
            warn_caller(report, ConvergenceWarning)
        elif run.status == "converged":
            # Squared errors of faint rows underflow, and count for nothing.
            plain = rows.plain if isinstance(rows, FaintRows) else rows
            found = shortfall(plain, gains, targets, run, stability, moments, self.average)
            if found is not None:
                is_sparse = issparse(rows.matrix)
                report = shortfall_report(self, found, is_sparse, self._direct_variants)
                warn_caller(report, ConvergenceWarning)

    def _rate(self, seen, rows):
        """Return the learning rate for inputs of the power seen."""
        if not np.isfinite(seen.weight) or not np.isfinite(seen.total):
            raise ValueError(
                "The squared norms of the rows of X overflow, alone or times sample_weight; scale "
                "the features, for example with StandardScaler, or the weights."
            )
        if not isinstance(self.learning_rate, str):
            return float(self.learning_rate)
        rate = automatic_rate(self.variant, seen.mean, seen.largest)
        if self.variant == "lms" and seen.largest < _SMALLEST_POWER and not is_silent(rows):
            raise ValueError(
                f"The squared norms of the rows of X underflow (up to {seen.largest:.4g}), and "
                "learning_rate='auto' overflows; scale the features, for example with "
                "StandardScaler, or use variant='nlms'."
            )
        return rate

    def _settle_rate(self, rows, sample_weight):
        """Set the rate for the next chunk of a stream; return its rows and their powers.

        'auto' is settled by the first chunk, and again whenever a larger row comes than the rate
        is safe for: whatever comes, the weights cannot diverge.
        """
        powers = rows.powers()
        seen = InputPower(*getattr(self, "_input_power", ())).including(powers, sample_weight)
        rate = self._rate(seen, rows)
        settled = getattr(self, "_settled", None) == (self.variant, self.learning_rate)
        if settled and (self.variant == "nlms" or self.learning_rate_ * seen.largest <= 1.0):
            rate = self.learning_rate_
        self._input_power = astuple(seen)
        rows, powers = audible(rows, powers, self.variant)
        if not settled or rate != self.learning_rate_:
            self._settled = self.variant, self.learning_rate
            self.learning_rate_ = rate
            stability = measure(rows, powers, sample_weight, self.variant, rate, FILE_ORDER)
            self._stability = astuple(stability)
        return rows, powers

    def _present_once(self, X, targets, sample_weight):
        """Present the rows once in the order given, from the weights of the last call."""
        rows, powers = self._settle_rate(as_rows(X, self.fit_intercept), sample_weight)
        rate = self.learning_rate_
        gains = Gains(self.variant, rate, powers, sample_weight, targets, rows.dtype)
        rows, targets = in_dtype(gains.dtype, rows, targets)
        before = self._resume(targets.shape[1], rows)
        with np.errstate(over="ignore", invalid="ignore"):
            loss, last, added = rows.epoch(
                FILE_ORDER, targets, gains, before.average, before.last, before.last
            )
            after = before.advanced(last, before.last + added, gains.total)
        self._publish_or_warn(before, after, rows, powers, targets, gains, loss)

    def _adapt_once(self, X, targets, keep_path):
        """Present the rows once and return (a-priori outputs, weight path or None)."""
        rows, powers = self._settle_rate(as_rows(X, self.fit_intercept), None)
        gains = Gains(self.variant, self.learning_rate_, powers, None, targets, rows.dtype)
        rows, targets = in_dtype(gains.dtype, rows, targets)
        before = self._resume(targets.shape[1], rows)
        outputs = np.empty_like(targets)
        path = np.empty((len(targets) if keep_path else 0, *before.last.shape), rows.dtype)
        last = before.last.copy()
        total = np.zeros(last.shape)
        loss = rows.loss(targets, gains, last) if self._may_diverge(powers) else 0.0
        for part, block, scale in rows.dense_chunks():
            lms_adapt(
                block.buf,
                block.start,
                block.stride,
                targets[part] if np.isscalar(scale) else frozen(targets[part] * scale),
                gains.step[part] if gains.inc else gains.step,
                gains.inc,
                block.bias,
                last,
                total,
                outputs[part],
                path[part] if keep_path else path,
            )
            if not np.isscalar(scale):
                np.divide(outputs[part], scale, out=outputs[part], where=scale > 0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = (total / rows.n).astype(rows.dtype)
            after = before.advanced(last, mean, float(rows.n))
        self._publish_or_warn(before, after, rows, powers, targets, gains, loss)
        with np.errstate(over="ignore"):
            outputs = outputs.astype(self._dtype, copy=False)
            return outputs, path.astype(self._dtype, copy=False) if keep_path else None

    def _resume(self, n_outputs, rows):
        if hasattr(self, "_last_weights"):
            last = self._last_weights.astype(rows.dtype, copy=False)
            mean = self._mean_weights.astype(rows.dtype, copy=False)
            return Weights(last, mean, self._presented, bool(self.average))
        zeros = np.zeros((n_outputs, rows.p + 1), rows.dtype)
        return Weights(zeros, zeros, 0.0, bool(self.average))

    def _reset_stream(self):
        """Forget what earlier calls left, so that a fit depends on its data alone."""
        for name in (
            "_last_weights",
            "_mean_weights",
            "_presented",
            "_has_intercept",
            "_input_power",
            "_settled",
            "_error_scale",
            "_inverse",
            "learning_rate_",
            "_stability",
            "loss_curve_",
            "n_iter_",
        ):
            vars(self).pop(name, None)

    def _may_diverge(self, powers):
        """Whether the rate is beyond what is safe for any sequence of rows such as these."""
        largest = 1.0 if self.variant == "nlms" else powers.max()
        return self.learning_rate_ * largest > 2.0

    def _publish_or_warn(self, before, after, rows, powers, targets, gains, loss):
        """Publish the weights after a chunk unless they overflowed; say so if they diverge.

        `loss` is that of the weights before, summed over the outputs.
        """
        self.n_iter_ = getattr(self, "n_iter_", 0) + 1
        vars(self).pop("_inverse", None)  # a pass of rls would have kept it up
        limit = np.finfo(self._dtype).max
        if not all(np.abs(w).max() <= limit for w in (after.last, after.published)):
            self._publish(before)
            what = "the weights overflowed and are those before this call"
            warn_caller(stream_report(self, what, rows.powers()), ConvergenceWarning)
            return
        self._publish(after)
        if self._may_diverge(powers):
            scale = getattr(self, "_error_scale", loss / targets.shape[1])
            self._error_scale = max(scale, gains.power_of(targets))
            with np.errstate(over="ignore", invalid="ignore"):
                now = rows.loss(targets, gains, after.last) / targets.shape[1]
            if not now <= GROWTH * self._error_scale:
                what = f"the mean squared error of this call's rows is now {now:.4g}"
                warn_caller(stream_report(self, what, rows.powers()), ConvergenceWarning)

    def _publish(self, weights):
        dtype = self._dtype
        self._last_weights = weights.last.astype(dtype, copy=False)
        self._mean_weights = weights.mean.astype(dtype, copy=False)
        self._presented = weights.presented
        self._has_intercept = bool(self.fit_intercept)
        for name, value in self._attributes(weights.published).items():
            setattr(self, name, value)

    def _attributes(self, published):
        """Return the fitted attributes that hold the weights."""
        published = published.astype(self._dtype)
        coef, intercept = published[:, :-1], published[:, -1]
        if self._single_output:
            return {"coef_": coef[0].copy(), "intercept_": intercept[0]}
        return {"coef_": coef.copy(), "intercept_": intercept.copy()}

    def _linear_output(self, X):
        check_is_fitted(self)
        X = self._check_inputs(X, reset=False)
        return safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_


def _warm_up(total, rate, lambda_max):
    """Return how many epochs the fastest weight needs to come e times closer to its goal."""
    pace = total * rate * lambda_max
    return 1.0 / pace if pace > 0 else 0.0


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


def in_dtype(dtype, rows, targets, *weights):
    """Return rows, targets and weights in the dtype to compute in."""
    targets = frozen(targets.astype(dtype, copy=False))
    return rows.astype(dtype), targets, *(w.astype(dtype, copy=False) for w in weights)


def as_targets(y, dtype):
    """Return targets as a contiguous (n_samples, n_outputs) array of `dtype`."""
    if issparse(y):
        raise TypeError("y is a sparse matrix; pass a dense array, such as y.toarray().")
    with np.errstate(over="ignore"):
        targets = np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)
    largest = float(np.abs(targets).max(initial=0.0))
    if not np.isfinite(largest):
        raise ValueError(
            f"y has values beyond the range of {np.dtype(dtype).name}, the dtype of X; pass X as "
            "float64 or scale y."
        )
    if largest > _LARGEST_TARGET:
        raise ValueError(f"y goes up to {largest:g}, the square of which overflows; scale y.")
    return frozen(targets)
