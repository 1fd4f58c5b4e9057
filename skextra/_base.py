"""What every estimator of skextra shares. Think twice before adding to it."""

import functools
import importlib
import math
import sys
import warnings
from collections.abc import Iterable
from numbers import Integral, Real
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state, check_scalar

from skextra._sklearn import BaseEstimator
from skextra._typing import Method, RandomStateLike, Scalar

_DOCUMENTATION = "https://skextra.readthedocs.io/en/stable/generated"


class Estimator(BaseEstimator):
    """Base class: scikit-learn's, with HTML representations linking to skextra's own pages."""

    _doc_link_module = "skextra"
    _doc_link_template = _DOCUMENTATION + "/skextra.{estimator_name}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"estimator_name": type(self).__name__}

    # scikit-learn makes these for methods with metadata, whose names are the keywords.
    if TYPE_CHECKING:

        def set_fit_request(self, **requests: bool | str | None) -> Self: ...
        def set_partial_fit_request(self, **requests: bool | str | None) -> Self: ...
        def set_score_request(self, **requests: bool | str | None) -> Self: ...

    def _check_option(self, name: str, options: Iterable[object]) -> None:
        """Raise ValueError unless the parameter `name` is one of `options`."""
        value = getattr(self, name)
        # Comparing with an array gives an array, and no option is one.
        comparable = isinstance(value, str) or not hasattr(value, "__array__")
        if not any(value is option or (comparable and value == option) for option in options):
            expected = ", ".join(repr(option) for option in options)
            raise ValueError(
                f"{name}={value!r} is not an option of {type(self).__name__}; "
                f"use one of {expected}."
            )

    def _check_flag(self, *names: str) -> None:
        """Raise TypeError unless every parameter named is a boolean."""
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, Integral | np.bool_) or value not in (0, 1):
                raise TypeError(f"{name} must be True or False, got {value!r}.")

    def _check_number(
        self,
        name: str,
        *,
        low: float,
        high: float | None = None,
        boundaries: Literal["left", "right", "both", "neither"] = "both",
        integer: bool = False,
    ) -> None:
        """Raise TypeError or ValueError unless the parameter is a finite number in range."""
        value = getattr(self, name)
        if isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} must be a number, got {value!r}.")
        if isinstance(value, Real) and not math.isfinite(value):
            raise ValueError(f"{name}={value!r} must be a finite number.")
        check_scalar(
            value,
            name,
            Integral if integer else Real,
            min_val=low,
            max_val=high,
            include_boundaries=boundaries,
        )


def random_state_of(random_state: RandomStateLike) -> np.random.RandomState:
    """Return the generator that the parameter `random_state` describes."""
    try:
        return check_random_state(random_state)
    except ValueError as error:
        raise ValueError(
            f"random_state={random_state!r} must be None, a whole number from 0 to 2**32 - 1 or a "
            "numpy.random.RandomState."
        ) from error


def check_random_state_of(random_state: RandomStateLike) -> None:
    """Raise ValueError as `random_state_of` does; a seed needs no generator for that.

    To set up a generator takes .1 ms, a tenth of the smallest fits.
    """
    if not (type(random_state) is int and 0 <= random_state < 2**32):
        random_state_of(random_state)


def all_or_nothing(method: Method) -> Method:
    """Decorate a fitting method: if it raises, the estimator is left as it was before."""

    @functools.wraps(method)
    def guarded(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        before, errors = dict(vars(estimator)), np.geterr()
        try:
            return method(estimator, *args, **kwargs)
        except BaseException:
            np.seterr(**errors)  # an interrupt may keep np.errstate from restoring them
            estimator.__dict__ = before  # one step, which a second interrupt cannot divide
            raise

    return cast(Method, guarded)


def frozen(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return a read-only plain view: numba compiles a loop once, not for writable arrays too.

    Nor for subclasses: arrays of a model that is mapped from a file are of type memmap.
    """
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line outside skextra that led here, whatever the depth of the calls."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inside(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_inside(module: str) -> bool:
    return module.startswith(("skextra.", "sklearn.callback."))


def import_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency; the error says how to install it if it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs {module.partition('.')[0]}, which is not installed; "
            f'run `pip install "skextra[{extra}]"`.'
        ) from error
