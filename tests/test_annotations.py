"""What is annotated is true: fitted attributes and results are of the types that they declare."""

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from ecosystem_cases import ESTIMATORS, LABELS, METHODS, NUMBERS, X, fitted, new
from scipy import sparse

import skextra
import skextra.cnn
import skextra.plotting

USER_CODE = Path(__file__).parent / "typed"
BOTH = np.column_stack([NUMBERS, -NUMBERS])
# What is fitted: on data of either dtype, sparse ones and several outputs, too.
FITTED = {
    **{name: lambda name=name: fitted(name) for name in ESTIMATORS},
    "KMeansPP history": lambda: fitted("KMeansPP", store_history=True),
    "KMeansPP float32": lambda: new("KMeansPP").fit(X.astype(np.float32)),
    "KMeansPP sparse": lambda: new("KMeansPP").fit(sparse.csr_array(X)),
    "KMeansPP stream": lambda: new("KMeansPP").partial_fit(X).partial_fit(X),
    "LMSRegressor float32": lambda: new("LMSRegressor").fit(X.astype(np.float32), NUMBERS),
    "LMSRegressor outputs": lambda: new("LMSRegressor").fit(X, BOTH),
    "LMSRegressor rls": lambda: fitted("LMSRegressor", variant="rls", max_iter=1),
    "LMSRegressor stream": lambda: new("LMSRegressor").partial_fit(X, NUMBERS),
    "Adaline two classes": lambda: new("Adaline").fit(X, LABELS > 0),
    "Adaline strings": lambda: new("Adaline").fit(X, LABELS.astype(str)),
    "Adaline stream": lambda: new("Adaline").partial_fit(X, LABELS, classes=[0, 1, 2]),
    "Madaline two classes": lambda: new("Madaline").fit(X, LABELS > 0),
    "Madaline MRI": lambda: fitted("Madaline", rule="mri", output_logic="majority"),
    "Madaline stream": lambda: new("Madaline").partial_fit(X, LABELS, classes=[0, 1, 2]),
    "FeatureMapSVM poly": lambda: fitted("FeatureMapSVM", feature_map="poly"),
    "FeatureMapSVM kernel": lambda: fitted("FeatureMapSVM", kernel="laplacian"),
    "FeatureMapSVM sparse": lambda: new("FeatureMapSVM").fit(sparse.csr_array(X), LABELS),
    "FeatureMapSVM float32": lambda: new("FeatureMapSVM").fit(X.astype(np.float32), LABELS),
    "FeatureMapSVM stream": lambda: new("FeatureMapSVM").partial_fit(X, LABELS, [0, 1, 2]),
    "CNNClassifier two classes": lambda: new("CNNClassifier").fit(X, LABELS > 0),
    "CNNClassifier one class": lambda: new("CNNClassifier").fit(X, LABELS * 0),
}


def is_of(value, hint):
    """Return whether a value is of the type that an annotation says."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any or isinstance(hint, str):
        return True
    if origin in (Union, types.UnionType):
        return any(is_of(value, option) for option in args)
    if origin is Literal:
        return value in args
    if origin is np.ndarray:
        (scalar,) = get_args(args[1])
        scalar = get_origin(scalar) or scalar
        return isinstance(value, np.ndarray) and (
            scalar is Any or np.issubdtype(value.dtype, scalar)
        )
    if origin is tuple:
        items = args[:1] * len(value) if args[1:] == (...,) else args
        return isinstance(value, tuple) and all(map(is_of, value, items))
    if origin is list:
        return isinstance(value, list) and all(is_of(item, args[0]) for item in value)
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(
            is_of(key, args[0]) and is_of(item, args[1]) for key, item in value.items()
        )
    if origin is not None and issubclass(origin, Callable):
        return callable(value)
    if getattr(hint, "_is_protocol", False):
        return all(hasattr(value, name) for name in vars(hint) if not name.startswith("_"))
    return isinstance(value, (float, int) if hint is float else origin or hint)


def check_fields(owner, values, hints):
    """Assert that values are of their types, and those in a result too."""
    for name, value in values.items():
        assert name in hints, f"{owner}.{name} is not annotated"
        assert is_of(value, hints[name]), f"{owner}.{name}: {value!r} is no {hints[name]}"
        if is_dataclass(value):
            inner = {field.name: getattr(value, field.name) for field in fields(value)}
            check_fields(type(value).__name__, inner, get_type_hints(type(value)))


@pytest.mark.parametrize("case", FITTED)
def test_fitted_attributes_and_results_are_of_their_types(case):
    estimator = FITTED[case]()
    found = {
        name: value
        for name, value in vars(estimator).items()
        if re.fullmatch("[a-z]\\w*_", name) and not name.endswith("_in_")
    }
    hints = get_type_hints(type(estimator))
    for name, value in vars(type(estimator)).items():
        if isinstance(value, cached_property):
            hints[name] = get_type_hints(value.func)["return"]
    check_fields(type(estimator).__name__, found, hints)
    for method in METHODS:
        if hasattr(estimator, method):
            hint = get_type_hints(getattr(type(estimator), method))["return"]
            said = getattr(estimator, method)(X)
            assert is_of(said, hint), f"{method}: {said!r} is no {hint}"


def test_user_code_names_all_that_is_public():
    code = "\n".join(path.read_text(encoding="utf-8") for path in USER_CODE.glob("*.py"))
    rooms = (skextra, skextra.cnn, skextra.plotting)
    names = {name for room in rooms for name in room.__all__ if callable(getattr(room, name))}
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set()
