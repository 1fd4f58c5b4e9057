"""Every estimator in the places in which scikit-learn's own are put."""

import io
import pickle
import warnings

import cloudpickle
import joblib
import numpy as np
import pandas
import polars
import pytest
import sklearn
import skops.io
from ecosystem_cases import (
    CLASSIFIERS,
    ESTIMATORS,
    LABELS,
    NUMBERS,
    PREDICTORS,
    TRANSFORMERS,
    WEIGHTED,
    WEIGHTS,
    X,
    assert_same,
    fitted,
    new,
    outputs,
    target,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EVERY = list(ESTIMATORS)
NAMES = [f"pixel{i}" for i in range(9)]
GRIDS = {
    "LMSRegressor": {"learning_rate": [0.01, 0.1]},
    "Adaline": {"learning_rate": [0.01, 0.1]},
    "KMeansPP": {"n_clusters": [2, 3]},
    "Madaline": {"hidden_layer_size": [3, 5]},
    "FeatureMapSVM": {"C": [0.1, 10.0]},
    "CNNClassifier": {"learning_rate": [0.001, 0.01]},
}


@pytest.mark.parametrize("name", EVERY)
def test_pipeline(name):
    scaled = MinMaxScaler().fit_transform(X)
    piped = make_pipeline(MinMaxScaler(), new(name)).fit(X, target(name))
    assert_same(piped[-1], new(name).fit(scaled, target(name)), scaled)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_column_transformer_and_feature_union(name):
    frame = pandas.DataFrame(X, columns=NAMES)
    mixed = ColumnTransformer([("ours", new(name), NAMES[:4])], remainder="passthrough")
    both = mixed.fit_transform(frame, LABELS)
    alone = new(name).fit(X[:, :4], LABELS)
    assert_allclose(both[:, : both.shape[1] - 5], alone.transform(X[:, :4]))
    assert list(mixed.get_feature_names_out())[-1] == "remainder__pixel8"
    union = FeatureUnion([("ours", new(name)), ("scaled", MinMaxScaler())])
    assert_allclose(union.fit_transform(X, LABELS)[:, :-9], fitted(name).transform(X))


# Where psutil is installed, joblib takes the import of TensorFlow for a leak, and says so in a
# thread that must not raise.
@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")
@pytest.mark.parametrize("name", GRIDS)
def test_searches_find_the_same_however_they_run(name):
    y = None if name == "KMeansPP" else target(name)
    grid = GRIDS[name]
    alone = GridSearchCV(new(name), grid, cv=2, n_jobs=1).fit(X, y)
    with joblib.parallel_config("threading", n_jobs=2):
        threads = GridSearchCV(new(name), grid, cv=2).fit(X, y)
    processes = GridSearchCV(new(name), grid, cv=2, n_jobs=2).fit(X, y)
    for other in (threads, processes):
        for key in ("mean_test_score", "params"):
            assert_array_equal(alone.cv_results_[key], other.cv_results_[key])
        assert_same(alone.best_estimator_, other.best_estimator_)
    halving = HalvingGridSearchCV(new(name), grid, cv=2, min_resources=60, random_state=0)
    assert halving.fit(X, y).best_params_ in halving.cv_results_["params"]


@pytest.mark.parametrize("name", WEIGHTED)
def test_sample_weights_are_routed(name):
    y = target(name)
    with sklearn.config_context(enable_metadata_routing=True):
        model = new(name).set_fit_request(sample_weight=True)
        if hasattr(model, "set_score_request"):
            model.set_score_request(sample_weight=True)
        found = cross_validate(
            make_pipeline(MinMaxScaler(), model), X, y, cv=2, params={"sample_weight": WEIGHTS},
            return_estimator=True, return_indices=True,
        )  # fmt: skip
        for piped, rows in zip(found["estimator"], found["indices"]["train"], strict=True):
            scaled = MinMaxScaler().fit_transform(X[rows])
            direct = new(name).fit(scaled, y[rows], sample_weight=WEIGHTS[rows])
            assert_same(piped[-1], direct, scaled)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_ensembles_of_classifiers(name):
    ensembles = [
        BaggingClassifier(new(name), 2, random_state=0),
        VotingClassifier([("a", new(name)), ("b", LogisticRegression())]),
        StackingClassifier([("a", new(name)), ("b", LogisticRegression())], cv=2),
        OneVsRestClassifier(new(name)),
        CalibratedClassifierCV(new(name), cv=2),
    ]
    if name in WEIGHTED:
        ensembles.append(AdaBoostClassifier(new(name), n_estimators=2, random_state=0))
    alone = fitted(name).score(X, LABELS)
    for ensemble in ensembles:
        score = ensemble.fit(X, LABELS).score(X, LABELS)
        assert score > min(alone, 0.6) - 0.25, ensemble
    both = np.stack([LABELS, LABELS % 2], axis=1)
    several = MultiOutputClassifier(new(name)).fit(X, both)
    assert_array_equal(several.predict(X)[:, 0], fitted(name).predict(X))


def test_ensembles_of_regressors():
    name = "LMSRegressor"
    alone = fitted(name).score(X, NUMBERS)
    for ensemble in (
        BaggingRegressor(new(name), 3, random_state=0),
        VotingRegressor([("a", new(name)), ("b", Ridge())]),
        StackingRegressor([("a", new(name)), ("b", Ridge())], cv=2),
        AdaBoostRegressor(new(name), n_estimators=3, random_state=0),
    ):
        assert ensemble.fit(X, NUMBERS).score(X, NUMBERS) > alone - 0.1
    both = np.stack([NUMBERS, -NUMBERS], axis=1)
    several = MultiOutputRegressor(new(name)).fit(X, both).predict(X)
    assert_allclose(several, new(name).fit(X, both).predict(X))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_set_output(name):
    plain = fitted(name).transform(X)
    for kind, frame in (("pandas", pandas.DataFrame), ("polars", polars.DataFrame)):
        model = new(name).set_output(transform=kind).fit(X, LABELS)
        found = model.transform(X)
        assert isinstance(found, frame)
        assert list(found.columns) == list(model.get_feature_names_out())
        assert_array_equal(found.to_numpy(), plain)


@pytest.mark.parametrize("kind", [pandas.DataFrame, polars.DataFrame])
@pytest.mark.parametrize("name", EVERY)
def test_feature_names(name, kind):
    frame = kind(dict(zip(NAMES, X.T, strict=True)))
    model = new(name).fit(frame, target(name))
    assert list(model.feature_names_in_) == NAMES
    for values, expected in zip(
        outputs(model, frame).values(), outputs(fitted(name)).values(), strict=True
    ):
        assert_allclose(values, expected, rtol=1e-9)  # frames lie in memory by columns
    method = "predict" if hasattr(model, "predict") else "transform"
    shuffled = frame[NAMES[::-1]]
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(model, method)(shuffled)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        getattr(model, method)(X)


@pytest.mark.parametrize("name", EVERY)
def test_html_links_to_the_page(name):
    html = fitted(name)._repr_html_()
    assert f'href="https://skextra.readthedocs.io/en/stable/generated/skextra.{name}.html"' in html
    assert name in html


@pytest.mark.parametrize("name", EVERY)
def test_storage(name):
    model = fitted(name)
    for store in (pickle, cloudpickle):
        assert_same(model, store.loads(store.dumps(model)))
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    assert_same(model, joblib.load(file))
    data = skops.io.dumps(model)
    (own,) = skops.io.get_untrusted_types(data=data)  # its class alone, and no other of ours
    assert own == f"{type(model).__module__}.{name}"
    assert_same(model, skops.io.loads(data, trusted=[own]))


@pytest.mark.parametrize("name", EVERY)
def test_clone_and_frozen(name):
    model = fitted(name)
    copy = clone(model)
    assert not [attribute for attribute in vars(copy) if attribute.endswith("_")]
    assert copy.get_params() == new(name).get_params()
    frozen = clone(FrozenEstimator(model)).fit(X[:5], target(name)[:5])
    assert frozen.estimator is model or frozen.estimator.get_params() == model.get_params()
    assert_same(model, frozen.estimator)


@pytest.mark.parametrize("name", PREDICTORS)
def test_permutation_importance_and_learning_curve(name):
    y = target(name)
    found = permutation_importance(fitted(name), X, y, n_repeats=2, random_state=0)
    assert found.importances.shape == (9, 2)
    assert found.importances_mean.max() > 0
    sizes, train, test = learning_curve(
        new(name), X, y, cv=2, train_sizes=[0.5, 1.0], shuffle=True, random_state=0
    )
    assert train.shape == test.shape == (2, 2)
    assert np.isfinite(train).all()
    assert sizes.tolist() == [37, 75]


@pytest.mark.parametrize("name", PREDICTORS)
def test_folds_are_stratified_and_scores_are_those_of_the_kind(name):
    scores = cross_val_score(new(name), X, target(name), cv=3)
    assert len(scores) == 3
    assert scores.min() > (0.4 if name in CLASSIFIERS else 0.2)


def test_nothing_warns_in_an_ordinary_day():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in EVERY:
            if name != "LMSRegressor":
                Pipeline([("scale", MinMaxScaler()), ("ours", new(name))]).fit(X, target(name))
