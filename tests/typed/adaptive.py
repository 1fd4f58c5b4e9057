"""LMSRegressor, Adaline, TappedDelayLine and their results, as a type checker sees them."""

from typing import Any, assert_type

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skextra import (
    Adaline,
    AdaptiveTrace,
    LMSRegressor,
    LMSStability,
    TappedDelayLine,
    lms_stability,
)

X, y = np.zeros((30, 2)), np.arange(30) % 2


def right_code_of_filters() -> None:
    assert_type(LMSRegressor().fit(X, y).predict(X), NDArray[np.floating[Any]])

    filtered = LMSRegressor(variant="rls", learning_rate=0.1, forgetting=0.99, random_state=0)
    filtered = filtered.fit(X, y, sample_weight=np.ones(30)).partial_fit(X, y)
    assert_type(filtered, LMSRegressor)
    assert_type(filtered.coef_, NDArray[np.floating[Any]])
    assert_type(filtered.intercept_, float | np.floating[Any] | NDArray[np.floating[Any]])
    assert_type(filtered.loss_curve_, NDArray[np.float64])
    assert_type(filtered.n_iter_, int)
    assert_type(filtered.learning_rate_, float)
    assert_type(filtered.stability_, LMSStability)
    assert_type(filtered.inverse_correlation_, NDArray[np.floating[Any]])
    assert_type(filtered.score(X, y), float)
    assert_type(filtered.get_params(), dict[str, Any])
    assert_type(filtered.set_params(tol=0).set_callbacks(), LMSRegressor)
    assert_type(filtered.set_fit_request(sample_weight=True), LMSRegressor)

    trace = filtered.adapt(X, y, return_path=True)
    assert_type(trace, AdaptiveTrace)
    assert_type(trace.error, NDArray[np.floating[Any]])
    assert_type(trace.coef_path, NDArray[np.floating[Any]] | None)
    assert_type(trace.to_frame(), pd.DataFrame)

    stability = lms_stability(X, 0.1, variant="nlms")
    assert_type(stability, LMSStability)
    assert_type(stability.lambda_max, float)
    assert_type(stability.critical_rate, float | None)
    assert_type(stability.is_unstable, bool)
    assert_type(stability.describe_bounds(), str)

    line = TappedDelayLine(3).fit(X)
    assert_type(line, TappedDelayLine)
    assert_type(line.transform(X), NDArray[np.floating[Any]])
    assert_type(line.fit_transform(X), NDArray[np.floating[Any]])
    assert_type(line.set_output(transform="default"), TappedDelayLine)
    assert_type(line.get_feature_names_out(), NDArray[np.object_])
    for n_taps in np.arange(2, 5):
        TappedDelayLine(n_taps)


def right_code_of_adaline() -> None:
    assert_type(Adaline().fit(X, y).predict(X), NDArray[Any])

    adaline = Adaline(variant="nlms", class_weight="balanced").fit(X, y, coef_init=[0, 0])
    adaline = adaline.partial_fit(X, y, classes=[0, 1])
    assert_type(adaline, Adaline)
    assert_type(adaline.classes_, NDArray[Any])
    assert_type(adaline.coef_, NDArray[np.floating[Any]])
    assert_type(adaline.intercept_, NDArray[np.floating[Any]])
    assert_type(adaline.loss_curve_, NDArray[np.float64])
    assert_type(adaline.n_iter_, int)
    assert_type(adaline.learning_rate_, float)
    assert_type(adaline.stability_, LMSStability)
    assert_type(adaline.decision_function(X), NDArray[np.floating[Any]])
    assert_type(adaline.score(X, y), float)
    assert_type(adaline.set_params(tol=0), Adaline)


def wrong_code() -> None:
    LMSRegressor("lms")  # type: ignore[call-arg]
    LMSRegressor(variant="lsm")  # type: ignore[arg-type]
    LMSRegressor(learning_rate="adaptive")  # type: ignore[arg-type]
    LMSRegressor(max_iter="many")  # type: ignore[arg-type]
    LMSRegressor().fit(X)  # type: ignore[call-arg]
    _ = LMSRegressor().fit(X, y).coefs_  # type: ignore[attr-defined]
    LMSRegressor().predict_proba(X)  # type: ignore[attr-defined]
    _ = LMSRegressor().adapt(X, y).outputs  # type: ignore[attr-defined]
    lms_stability(X, variant="rls")  # type: ignore[arg-type]
    TappedDelayLine("three")  # type: ignore[arg-type]
    TappedDelayLine().predict(X)  # type: ignore[attr-defined]
    Adaline(variant="rls")  # type: ignore[arg-type]
    Adaline(class_weight="equal")  # type: ignore[arg-type]
    Adaline(shuffle="yes")  # type: ignore[arg-type]
    Adaline().fit("X.csv", y)  # type: ignore[arg-type]
    _ = Adaline().fit(X, y).loss_  # type: ignore[attr-defined]
