"""Madaline, as a type checker sees it."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from skextra import Madaline

X, y = np.zeros((30, 2)), np.arange(30) % 2


def right_code() -> None:
    assert_type(Madaline().fit(X, y).predict(X), NDArray[Any])

    madaline = Madaline(5, rule="mri", output_logic="or", n_init=2, random_state=0)
    madaline = madaline.fit(X, y).partial_fit(X, y, classes=[0, 1])
    assert_type(madaline, Madaline)
    assert_type(madaline.classes_, NDArray[Any])
    assert_type(madaline.coefs_, list[NDArray[np.floating[Any]]])
    assert_type(madaline.intercepts_, list[NDArray[np.floating[Any]]])
    assert_type(madaline.loss_curve_, NDArray[np.float64])
    assert_type(madaline.n_iter_, int)
    assert_type(madaline.n_restarts_, int)
    assert_type(madaline.decision_function(X), NDArray[np.floating[Any]])
    assert_type(madaline.hidden_activations(X), NDArray[np.floating[Any]])
    assert_type(madaline.score(X, y), float)
    assert_type(madaline.get_params(), dict[str, Any])
    assert_type(madaline.set_params(tol=0).set_callbacks(), Madaline)
    for size in np.arange(2, 5):
        Madaline(size, n_init=size)


def wrong_code() -> None:
    Madaline("sixteen")  # type: ignore[arg-type]
    Madaline(rule="mriii")  # type: ignore[arg-type]
    Madaline(output_logic="xor")  # type: ignore[arg-type]
    Madaline(acceptance="squared")  # type: ignore[arg-type]
    Madaline(n_init="many")  # type: ignore[arg-type]
    Madaline(hidden_layer_sizes=3)  # type: ignore[call-arg]
    Madaline().fit(X)  # type: ignore[call-arg]
    _ = Madaline().fit(X, y).coef_  # type: ignore[attr-defined]
    Madaline().transform(X)  # type: ignore[attr-defined]
