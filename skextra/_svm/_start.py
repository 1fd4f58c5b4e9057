"""What a fit knows of its planes before it searches for them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skextra._svm._landmark_map import LandmarkMap


class ColdStart:
    """Nothing is known."""

    def planes_under(
        self, fitted_map: LandmarkMap, task
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return weights of the features and intercepts, or None if none are known."""

    def weights_under(self, fitted_map: LandmarkMap, task) -> NDArray[np.float64] | None:
        """Return weights of the centred features, intercepts last, or None if none are known."""
        planes = self.planes_under(fitted_map, task)
        return None if planes is None else fitted_map.centred_weights(*planes)

    def likely_rows(self, task, count: int) -> NDArray[np.intp] | None:
        """Return `count` rows that are likely to matter, rising, or None if none are known."""


@dataclass(frozen=True)
class WarmStart(ColdStart):
    """Earlier planes under a landmark map.

    Attributes
    ----------
    coef, intercept : ndarray of shape (p, k) and (k,)
        Their normals and intercepts.
    """

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def planes_under(self, fitted_map, task):
        """Return these planes."""
        return self.coef, self.intercept
