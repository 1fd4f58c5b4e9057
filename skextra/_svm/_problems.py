"""The binary problems that a classification problem is reduced to."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from skextra._kernels import _squared_hinge as kernels
from skextra._typing import FloatArray


@dataclass(frozen=True)
class Problems:
    """Binary problems over the same rows.

    Attributes
    ----------
    signs : ndarray of shape (n, k)
        Sides in every problem: +1, -1, or 0 for a row that is not part of it.
    costs : ndarray of shape (n,)
        C times weight.
    """

    signs: NDArray[np.int8]
    costs: NDArray[np.float64]

    def restricted(self, rows: NDArray[np.intp], factor: float = 1.0) -> "Problems":
        """Return the problems over some of the rows, their costs times a factor."""
        return Problems(self.signs[rows], self.costs[rows] * factor)


def sides(codes: NDArray[np.intp], n_classes: int, multi_class: str) -> NDArray[np.int8]:
    """Return +1 and -1 for the sides of every problem and 0 for rows that are not part of it.

    Two classes are one problem, with the second class positive. Several are one for each class
    ('ovr', the class positive) or for each pair ('ovo', the first of the pair positive).
    """
    codes = codes[:, None]
    if n_classes == 2:
        signs = 2 * codes - 1
    elif multi_class == "ovr":
        signs = np.where(codes == np.arange(n_classes), 1, -1)
    else:
        first, second = np.array(list(combinations(range(n_classes), 2))).T
        signs = (codes == first).astype(int) - (codes == second)
    return signs.astype(np.int8)


def problem_values(values: NDArray[np.float64], multi_class: str) -> NDArray[np.float64]:
    """Return the values of the problems for values of the classes, on the last axis."""
    n_classes = values.shape[-1]
    if n_classes == 2:
        return values[..., 1:]
    if multi_class == "ovr":
        return values
    first, second = np.array(list(combinations(range(n_classes), 2))).T
    return values[..., first] - values[..., second]


def class_values(decisions: FloatArray, n_classes: int, multi_class: str) -> FloatArray:
    """Return one value for each class (or for the second of two), of which the largest decides.

    Of one-vs-one problems these are the votes, plus less than half a vote for the confidence.
    """
    if n_classes == 2:
        return decisions[:, 0]
    if multi_class == "ovr":
        return decisions
    votes = np.zeros((len(decisions), n_classes), decisions.dtype)
    confidences = np.zeros_like(votes)
    for problem, (first, second) in enumerate(combinations(range(n_classes), 2)):
        value = decisions[:, problem]
        votes[:, first] += value >= 0
        votes[:, second] += value < 0
        confidences[:, first] += value
        confidences[:, second] -= value
    return votes + confidences / (3 * (np.abs(confidences) + 1))


def least_margins(decisions: FloatArray, signs: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the least signed decision value of each row over the problems it is part of."""
    margins = np.empty(len(decisions))
    kernels.least_margins(np.ascontiguousarray(decisions, np.float64), signs, margins)
    return margins


def too_far_from_one(size: float, scaler: str) -> ValueError:
    """Return the error of features whose squares, or these times costs, are beyond float64."""
    return ValueError(
        f"The mapped features reach {size:.2g}, too far from 1 for C: put X on one scale first, "
        f"for example with {scaler}."
    )
