"""Madaline against plain loops, truth tables worked by hand and its own promises."""

import itertools
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skextra import Madaline
from skextra._madaline import _training


def sign(values):
    return np.where(np.asarray(values) > 0, 1.0, -1.0)


def alpha_lms(w, x, goal, rate):
    extended = np.append(x, 1.0)
    return w + rate * (goal - w @ extended) * extended / (extended @ extended)


def naive_mrii(X, targets, W, V, usage, *, rate, margin, gain, most, pairs, soft):
    """One epoch of MRII by the book: trial inversions, pairs, then the output layer."""
    W, V, usage = W.copy(), V.copy(), usage.copy()

    def outputs(h):
        return V @ np.append(h, 1.0)

    def error(h, d, hinge):
        z = d * outputs(h)
        return np.maximum(margin - z, 0).sum() if hinge else (sign(outputs(h)) != d).sum()

    for x, d in zip(X, targets, strict=True):
        s = W @ np.append(x, 1.0)
        if error(sign(s), d, soft) == 0 and error(sign(s), d, True) == 0:
            continue
        key = np.abs(s) * (1 + gain * usage / (1 + usage.mean()))
        units = np.argsort(key, kind="stable")[:most]

        def teach(i, s=s, x=x):
            W[i] = alpha_lms(W[i], x, -sign(s[i]), rate)
            s[i] = W[i] @ np.append(x, 1.0)
            usage[i] += 1

        def inverted(*units, s=s):
            h = sign(s)
            h[list(units)] *= -1
            return h

        for i in units:
            if error(sign(s), d, soft) > 0 and error(inverted(i), d, soft) < error(
                sign(s), d, soft
            ):
                teach(i)
        if pairs:
            trials = ((i, units[b]) for a, i in enumerate(units) for b in range(a))
            for i, j in trials:
                if error(sign(s), d, soft) == 0:
                    break
                if error(inverted(i, j), d, soft) < error(sign(s), d, soft):
                    teach(i)
                    teach(j)
                    break
        o = outputs(sign(s))
        for k in np.flatnonzero((d * o < margin) | (sign(o) != d)):
            V[k] = alpha_lms(V[k], sign(s), d[k], rate)
    return W, V, usage


def naive_mri(X, targets, W, rate, need):
    """One epoch of MRI: as many units as it takes, those nearest to zero."""
    W = W.copy()
    group = len(W) // targets.shape[1]
    for x, d in zip(X, targets, strict=True):
        for k in range(targets.shape[1]):
            mine = np.arange(k * group, (k + 1) * group)
            s = W[mine] @ np.append(x, 1.0)
            positive = (s > 0).sum()
            if (positive >= need) == (d[k] > 0):
                continue
            count = need - positive if d[k] > 0 else positive - need + 1
            against = mine[sign(s) != d[k]]
            nearest = against[np.argsort(np.abs(s[sign(s) != d[k]]))][:count]
            for i in nearest:
                W[i] = alpha_lms(W[i], x, d[k], rate)
    return W


def started(model, X, y, seed):
    """Return the model with known random weights, untrained."""
    rng = np.random.default_rng(seed)
    shaped = clone(model).set_params(max_iter=1, n_init=1, tol=1.0).fit(X, y)
    coefs = [rng.uniform(-0.5, 0.5, coef.shape) for coef in shaped.coefs_]
    biases = [rng.uniform(-0.5, 0.5, bias.shape) for bias in shaped.intercepts_]
    return model.set_params(max_iter=0).fit(X, y, coef_init=coefs, intercept_init=biases)


def layers(model):
    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    return [np.c_[coef.T, bias] for coef, bias in pairs]


def made(n_classes, n=60, p=5):
    rng = np.random.default_rng(n_classes)
    X = rng.standard_normal((n, p))
    y = rng.integers(0, n_classes, n)
    columns = np.arange(n_classes) if n_classes > 2 else np.array([1])
    return X, y, np.where(y[:, None] == columns, 1.0, -1.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("acceptance", ["hinge", "hamming"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pair_trials": False, "usage_gain": 0.0},
        {"max_candidates": 3, "dead_zone": 0.0},
        {"learning_rate": 0.8, "dead_zone": 1.5, "usage_gain": 5.0},
    ],
)
def test_every_weight_of_mrii_is_that_of_the_plain_loop(n_classes, acceptance, options):
    X, y, targets = made(n_classes)
    model = started(Madaline(9, acceptance=acceptance, **options), X, y, seed=1)
    W, V = layers(model)
    usage = np.zeros(9)
    for _ in range(4):
        model.partial_fit(X, y)
        W, V, usage = naive_mrii(
            X,
            targets,
            W,
            V,
            usage,
            rate=model.learning_rate,
            margin=model.dead_zone,
            gain=model.usage_gain,
            most=model.max_candidates,
            pairs=model.pair_trials,
            soft=acceptance == "hinge",
        )
        for mine, plain in zip(layers(model), (W, V), strict=True):
            assert_allclose(mine, plain, rtol=1e-9, atol=1e-11)
    assert model.n_iter_ == 4


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("logic, need", [("or", 1), ("and", 5), ("majority", 3)])
def test_every_weight_of_mri_is_that_of_the_plain_loop(n_classes, logic, need):
    X, y, targets = made(n_classes)
    model = started(Madaline(5, rule="mri", output_logic=logic), X, y, seed=2)
    (W,) = layers(model)
    for _ in range(4):
        model.partial_fit(X, y)
        W = naive_mri(X, targets, W, model.learning_rate, need)
        assert_allclose(layers(model)[0], W, rtol=1e-9, atol=1e-11)


BITS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def test_xor_with_weights_worked_by_hand():
    # hidden: 0.5 - x1 + x2 and 0.5 + x1 - x2; output: 1 - h1 - h2
    model = Madaline(2, max_iter=0).fit(
        BITS,
        [0, 1, 1, 0],
        coef_init=[[[-1, 1], [1, -1]], [[-1], [-1]]],
        intercept_init=[[0.5, 0.5], [1]],
    )
    assert_array_equal(model.hidden_activations(BITS), [[1, 1], [1, -1], [-1, 1], [1, 1]])
    assert_array_equal(model.decision_function(BITS), [-1, 1, 1, -1])
    assert_array_equal(model.predict(BITS), [0, 1, 1, 0])
    assert model.n_iter_ == model.n_restarts_ == 0
    assert_array_equal(model.coefs_[0], [[-1, 1], [1, -1]])


@pytest.mark.parametrize("logic", ["or", "and", "majority"])
def test_fixed_logic_decides_by_its_units(logic):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 3))
    y = rng.integers(0, 2, 50)
    model = started(Madaline(4, rule="mri", output_logic=logic), X, y, seed=3)
    positive = (model.hidden_activations(X) > 0).sum(axis=1)
    expected = positive >= {"or": 1, "and": 4, "majority": 3}[logic]
    assert_array_equal(model.predict(X), expected)
    assert_array_equal(model.decision_function(X) > 0, expected)
    sums = X @ model.coefs_[0] + model.intercepts_[0]
    place = {"or": 0, "and": 3, "majority": 2}[logic]
    assert_allclose(model.decision_function(X), -np.sort(-sums, axis=1)[:, place])


def parity(bits):
    X = np.array(list(itertools.product([-1.0, 1.0], repeat=bits)))
    return X, X.prod(axis=1).astype(int)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6])
def test_parity_is_learnt_from_any_start(bits):
    X, y = parity(bits)
    for seed in range(100):
        model = Madaline(bits, random_state=seed).fit(X, y)
        assert model.score(X, y) == 1.0
        assert len(model.loss_curve_) == model.n_iter_


@pytest.mark.parametrize("values", [[0, 1], [-1, 1], ["no", "yes"]])
def test_xor_of_any_bits_and_labels(values):
    labels = np.array(values)[[0, 1, 1, 0]]
    for seed in range(20):
        assert Madaline(2, random_state=seed).fit(BITS, labels).score(BITS, labels) == 1.0


def test_parity_of_eight_bits():
    X, y = parity(8)
    for seed in range(10):
        assert Madaline(16, random_state=seed).fit(X, y).score(X, y) == 1.0


def emulator(seed):
    """A random network of signum units to be emulated: 16 inputs, 5 hidden units, 3 outputs."""
    rng = np.random.default_rng(seed)
    X = rng.choice([-1.0, 1.0], (400, 16))
    hidden = sign(X @ rng.standard_normal((16, 5)) + rng.standard_normal(5))
    outputs = sign(hidden @ rng.standard_normal((5, 3)) + rng.standard_normal(3))
    return X, (outputs > 0).astype(int)


def test_emulator_of_several_labels():
    for seed in range(6):
        X, y = emulator(seed)
        model = Madaline(20, tol=0, random_state=seed).fit(X, y)
        assert model.score(X, y) == 1.0
        assert_array_equal(model.predict(X), y)
        assert model.decision_function(X).shape == y.shape
        assert_array_equal(model.classes_, [0, 1, 2])
    stream = Madaline(20, random_state=0)
    for _ in range(3):
        stream.partial_fit(X, y)
    assert stream.predict(X).shape == y.shape


@pytest.mark.parametrize("labels", [("or", [0, 1, 1, 1]), ("and", [0, 0, 0, 1])])
def test_mri_learns_its_own_logic(labels):
    logic, y = labels
    for seed in range(10):
        model = Madaline(2, rule="mri", output_logic=logic, random_state=seed).fit(BITS, y)
        assert_array_equal(model.predict(BITS), y)


def test_mri_learns_a_convex_region_by_and():
    X = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    y = (np.abs(X) < 0.6).all(axis=1)
    model = Madaline(4, rule="mri", output_logic="and", max_iter=500, tol=0.02, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.97


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("load, least", [(load_iris, 0.93), (load_breast_cancer, 0.95)])
def test_real_data(load, least):
    X, y = load(return_X_y=True)
    scores = cross_val_score(make_pipeline(StandardScaler(), Madaline(random_state=0)), X, y)
    assert scores.mean() > least


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("rule", ["mrii", "mri"])
def test_order_of_rows_is_immaterial_and_fits_repeat(rule):
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    model = Madaline(5, rule=rule, n_init=2, max_iter=20, random_state=3).fit(X, y)
    other = clone(model).fit(X[order], y[order])
    for one, two in zip(model.coefs_, other.coefs_, strict=True):
        assert_array_equal(one, two)
    again = clone(model).fit(X, y)
    assert_array_equal(again.loss_curve_, model.loss_curve_)
    twin = pickle.loads(pickle.dumps(model))
    assert_array_equal(twin.predict(X), model.predict(X))


def test_pocket_predicts_what_it_counted():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    with pytest.warns(ConvergenceWarning, match="of 150 training patterns are still wrong"):
        model = Madaline(2, n_init=3, max_iter=15, tol=0, random_state=0).fit(X, y)
    assert model.n_restarts_ == 2
    assert_allclose(1 - model.score(X, y), model.loss_curve_.min())


def test_float32_stays_float32():
    X, y = load_iris(return_X_y=True)
    model = Madaline(tol=0.1, random_state=0).fit(X.astype(np.float32), y)
    assert {array.dtype for array in model.coefs_ + model.intercepts_} == {np.dtype(np.float32)}
    assert model.decision_function(X).dtype == np.float32
    assert model.score(X, y) > 0.9


def test_warm_start_and_streams_go_on_from_the_weights():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = Madaline(tol=0.05, random_state=0).fit(X, y)
    kept = clone(model).set_params(warm_start=True).fit(X, y)
    kept.set_params(max_iter=0).fit(X, y)
    assert_array_equal(kept.coefs_[0], model.coefs_[0])
    kept.set_params(warm_start=True)
    with pytest.raises(ValueError, match="continues with the classes"):
        kept.fit(X, y + 1)
    stream = Madaline(random_state=0)
    with pytest.raises(ValueError, match="classes must be given"):
        stream.partial_fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    for _ in range(15):
        for part in np.array_split(order, 5):
            stream.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert stream.score(X, y) > 0.93
    with pytest.raises(ValueError, match="not among the classes"):
        stream.partial_fit(X, y + 1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"rule": "mriii"}, "rule='mriii' is not an option"),
        ({"output_logic": "xor"}, "output_logic='xor' is not an option"),
        ({"acceptance": "soft"}, "acceptance='soft' is not an option"),
        ({"hidden_layer_size": 0}, "hidden_layer_size"),
        ({"learning_rate": 2.0}, "learning_rate"),
        ({"dead_zone": -1}, "dead_zone"),
        ({"max_candidates": 0}, "max_candidates"),
        ({"n_init": "many"}, "n_init='many' must be"),
        ({"tol": 2}, "tol"),
    ],
)
def test_parameters_are_checked_and_a_failed_fit_loses_nothing(options, message):
    X, y = load_iris(return_X_y=True)
    model = Madaline(4, tol=0.5, random_state=0).fit(X, y)
    state = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.set_params(**options).fit(X, y)
    assert vars(model) == {**state, **options}


@pytest.mark.parametrize("name", ["coef_init", "intercept_init"])
def test_initial_weights_are_checked(name):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=f"{name} has the shapes"):
        Madaline(4).fit(X, y, **{name: [np.zeros((3, 4)), np.zeros((4, 3))]})
    shapes = [(4, 4), (4, 3)] if name == "coef_init" else [(4,), (3,)]
    with pytest.raises(ValueError, match=f"{name} contains NaN"):
        Madaline(4).fit(X, y, **{name: [np.full(shape, np.nan) for shape in shapes]})


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="at least two classes"):
        Madaline().fit(np.eye(3), [1, 1, 1])


def test_callbacks_hear_every_epoch_and_may_stop():
    class Stop:
        setup = teardown = lambda *args, **kwargs: None
        seen = 0

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            self.seen += context.parent is not None
            assert fitted_estimator.predict([[1.0, 1.0]]) in (0, 1)
            return self.seen >= 3

    stop = Stop()
    X = np.random.default_rng(0).standard_normal((200, 2))
    y = np.random.default_rng(1).integers(0, 2, 200)
    # Who stops it need not be told that it has not converged; warnings are errors.
    model = Madaline(4, random_state=0).set_callbacks(stop).fit(X, y)
    assert model.n_iter_ == stop.seen == 3


@pytest.mark.parametrize(
    "change", [{"rule": "mri"}, {"hidden_layer_size": 1000}, {"hidden_layer_size": 1}]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fitted_network_keeps_its_structure(change):
    X, y, _ = made(3)
    for rule in ("mri", "mrii"):
        model = Madaline(3, rule=rule, n_init=1, max_iter=5, random_state=0).fit(X, y)
        expected = model.predict(X)
        model.set_params(**change)
        assert_array_equal(model.predict(X), expected)
        if change.get("rule") == rule:
            continue  # not a change
        state = dict(vars(model))
        with pytest.raises(ValueError, match="not that of the fitted network"):
            model.partial_fit(X, y)
        with pytest.raises(ValueError, match="not that of the fitted network"):
            model.set_params(warm_start=True).fit(X, y)
        assert vars(model) == {**state, "warm_start": True}


def test_labels_of_another_kind_are_refused():
    X, y, _ = made(3)
    columns = np.eye(3, dtype=int)[y]
    stream = Madaline(4).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="y has columns of labels, but earlier calls had one"):
        stream.partial_fit(X, columns)
    stream = Madaline(4).partial_fit(X, columns)
    with pytest.raises(ValueError, match="y has one class a pattern, but earlier calls had col"):
        stream.partial_fit(X, y)
    with pytest.raises(ValueError, match="y has 2 columns, but earlier calls had 3"):
        stream.partial_fit(X, columns[:, :2])
    with pytest.raises(ValueError, match="values other than 0 and 1"):
        Madaline().fit(X, columns + 1)
    with pytest.raises(ValueError, match="more than two values"):
        Madaline().fit(X, np.c_[y, y])
    started = Madaline(4, tol=1.0, warm_start=True).fit(X, columns)
    with pytest.raises(ValueError, match="continues with the classes"):
        started.fit(X, y)


def test_a_stream_keeps_its_dtype():
    X, y, _ = made(2)
    model = Madaline(4, tol=1.0).fit(X, y)
    model.partial_fit(X[:5].astype(np.float32), y[:5])
    assert model.coefs_[0].dtype == np.float64


def test_a_first_start_without_errors_widens_its_margins():
    coefs, biases = [[[-1, 1], [1, -1]], [[-0.01], [-0.01]]], [[0.5, 0.5], [0.01]]
    model = Madaline(2, random_state=0)
    model.fit(BITS, [0, 1, 1, 0], coef_init=coefs, intercept_init=biases)
    assert model.n_iter_ > 0
    assert model.score(BITS, [0, 1, 1, 0]) == 1.0
    assert np.abs(model.decision_function(BITS)).min() > 0.01


def test_what_is_not_given_is_drawn():
    X, y, _ = made(2)
    model = Madaline(3, max_iter=0, random_state=0).fit(X, y, intercept_init=[[1, 2, 3], [4]])
    assert_array_equal(model.intercepts_[0], [1, 2, 3])
    assert (model.coefs_[0] != 0).all()
    for wrong in (3, {"a": 1}, ["a", "b"]):
        with pytest.raises(ValueError, match="coef_init"):
            Madaline(3).fit(X, y, coef_init=wrong)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_hidden_unit_does_not_depend_on_the_patterns_beside_it(dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 40)).astype(dtype)
    coef = rng.standard_normal((40, 30))
    # The plane of unit i goes through pattern i: rounding alone decides on which side that is.
    weights = [coef, rng.standard_normal((30, 2))]
    biases = [-(X[:30] @ coef.astype(dtype)).diagonal(), np.zeros(2)]
    madaline = Madaline(30, max_iter=0, n_init=1)
    madaline.fit(X, rng.integers(0, 2, (300, 2)), weights, biases)
    together = madaline.hidden_activations(X)
    assert together.dtype == dtype
    for size in (1, 2, 7, 64):
        parts = [madaline.hidden_activations(X[i : i + size]) for i in range(0, 300, size)]
        assert_array_equal(np.concatenate(parts), together)


def test_outputs_are_those_of_the_signs():
    X, y = load_iris(return_X_y=True)
    X = np.tile(StandardScaler().fit_transform(X), (20, 1))  # more than are run at once
    madaline = Madaline(5, max_iter=3, tol=1, random_state=0).fit(X, np.tile(y, 20))
    sums = X @ madaline.coefs_[0] + madaline.intercepts_[0]
    assert_array_equal(madaline.hidden_activations(X), sign(sums))
    expected = sign(sums) @ madaline.coefs_[1] + madaline.intercepts_[1]
    assert_allclose(madaline.decision_function(X), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rule", ["mrii", "mri"])
def test_a_stream_passes_patterns_on_read_only_as_a_fit_does(rule, monkeypatch):
    seen = []
    for name in ("mrii_epoch", "mri_epoch"):
        kernel = getattr(_training, name)
        monkeypatch.setattr(
            _training, name, lambda X, *args, kernel=kernel: seen.append(X) or kernel(X, *args)
        )
    X, y = load_iris(return_X_y=True)
    Madaline(3, rule=rule, max_iter=1, tol=1).fit(X, y)
    Madaline(3, rule=rule).partial_fit(X, y, classes=[0, 1, 2])
    assert [patterns.flags.writeable for patterns in seen] == [False, False]
