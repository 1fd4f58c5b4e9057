"""Generated input of every kind: each fit works, or says in a sentence what is wrong.

`SKEXTRA_FUZZ` sets how many cases there are for each estimator; `make fuzz` runs 3000.
"""

import os
import time

import numpy as np
import pytest
from fuzzing import case, faults_of, parameters
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skextra import (
    Adaline,
    CNNClassifier,
    FeatureMapSVM,
    KMeansPP,
    LMSRegressor,
    Madaline,
    TappedDelayLine,
)

CASES = int(os.environ.get("SKEXTRA_FUZZ", "240"))
PARTS = 4
LONGEST = 60  # seconds for a case on any machine: nothing hangs

# Estimators, and values of their parameters that make sense, by name.
FUZZED = {
    "LMSRegressor": (
        LMSRegressor(max_iter=20, random_state=0),
        {
            "variant": ["lms", "nlms", "rls", "wiener"],
            "learning_rate": ["auto", 0.01, 0.5],
            "average": [True],
            "shuffle": [True],
            "tol": [None, 1e-3],
            "forgetting": [0.9, 1.0],
            "delta": [1e-3, 1.0],
        },
    ),
    "Adaline": (
        Adaline(max_iter=20, random_state=0),
        {
            "variant": ["nlms"],
            "learning_rate": ["auto", 0.01, 0.5],
            "class_weight": ["balanced", {0: 1}],
            "average": [False],
        },
    ),
    "KMeansPP": (
        KMeansPP(3, random_state=0),
        {
            "n_clusters": [1, 2, 5],
            "init": ["random", "k-means++"],
            "refine": [None, 1, "rough", "auto"],
            "algorithm": ["lloyd", "elkan"],
            "metric": ["cosine"],
            "n_init": [2],
            "store_history": [True],
            "tol": [0],
        },
    ),
    "Madaline": (
        Madaline(3, n_init=2, max_iter=10, random_state=0),
        {
            "rule": ["mri"],
            "output_logic": ["or", "and"],
            "acceptance": ["hamming"],
            "dead_zone": [0],
            "hidden_layer_size": [1, 4],
        },
    ),
    "FeatureMapSVM": (
        FeatureMapSVM(random_state=0),
        {
            "feature_map": ["identity", "poly", "rbf", "spline", "fourier", "precomputed"],
            "kernel": ["laplacian", "cosine", "sigmoid"],
            "loss": ["hinge"],
            "C": [0.1, np.inf, 100],
            "gamma": ["scale", 0.1],
            "n_components": [3, 10],
            "landmarks": ["uniform", "kmeans"],
            "multi_class": ["ovo"],
            "class_weight": ["balanced"],
        },
    ),
    "TappedDelayLine": (TappedDelayLine(), {"n_taps": [1, 3, 5]}),
    "CNNClassifier": (
        CNNClassifier(2, dense_units=(), epochs=1, random_state=0),
        {
            "filters": [(2, 3), ()],
            "batch_norm": [True],
            "pool": [None, "average"],
            "optimizer": ["sgd"],
            "class_weight": ["balanced"],
            "dropout": [0.5],
            "augmentation": [{"shift": 1}],
            "dtype": ["float32", "float64"],
            "l2": [1e-3],
            "early_stopping": [True],
        },
    ),
}


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", FUZZED)
def test_every_input_works_or_is_refused_in_words(name, part, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some strings are taken for a folder of checkpoints
    estimator, options = FUZZED[name]
    found = {}
    for seed in range(part, CASES, PARTS):
        rng = np.random.default_rng(seed)
        one = parameters(rng, estimator, options)
        given = case(rng, one)
        began = time.perf_counter()
        fault = faults_of(one, given, has_fit_parameter(one, "sample_weight"))
        if time.perf_counter() - began > LONGEST:
            fault = "it took more than a minute"
        if fault is not None:
            found[seed] = f"{one}\n{fault}"
    assert not found, "\n\n".join(f"seed {seed}: {text}" for seed, text in found.items())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_refit_that_fails_leaves_the_fit_before():
    """Each estimator, fitted on good data and then handed generated input."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(30, 4))
    y = rng.integers(0, 2, size=30)
    failed = 0
    for name, (estimator, _) in FUZZED.items():
        for seed in range(12):
            fitted = clone(estimator).fit(X, y)
            rng = np.random.default_rng(seed)
            fault = faults_of(
                fitted, case(rng, fitted), has_fit_parameter(fitted, "sample_weight")
            )
            assert fault is None, f"{name}, seed {seed}: {fault}"
            failed += fitted.n_features_in_ == 4
    assert failed > 20
