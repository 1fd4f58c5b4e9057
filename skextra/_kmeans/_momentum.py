"""Steps of Lloyd's iterations beyond the means, so that fewer are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from skextra._kmeans._rows import Floats

# The most by which a step goes beyond the means, as a share of itself. From equal centres, with
# nothing, normal rows of 128 features and uniform ones of 16 and 68 end .1% higher after as many
# iterations; with 1 uniform rows end up to .3% lower, but normal ones take twice as many
# iterations. Where there are groups it changes nothing (benchmarks/kmeans_constants.py halves and
# doubles it).
_BEYOND = 0.5


# A rise of the inertia that may be rounding, as a share of the terms that have changed.
_ROUNDING = 1e-12


class Momentum:
    """Where centres go: beyond their means, in the directions of this step and of the last.

    Both shares grow from nothing: the over-relaxation to `_BEYOND`, that of the last move of the
    means (Nesterov) to 1. Where the means pull against that move, both start again from nothing
    (the restart of O'Donoghue & Candes, 2015). Where the inertia has risen, centres go back to the
    means before, so that it falls in the end and iterations cannot go round in circles.
    """

    def __init__(self, centers: Floats) -> None:
        self._means = centers
        self._terms = np.zeros(len(centers))
        self._run = 0  # steps since the start

    def aim(self, centers: Floats, means: Floats, terms: Floats) -> Floats:
        """Return where to go from these centres, of which `means` are those of their clusters.

        The `terms` add up to the inertia of the centres, but for what is the same for all. They
        are compared one by one: a far one, which rounding would drown the others in, stays.
        """
        rise = terms - self._terms
        if self._run and rise.sum() > _ROUNDING * np.abs(terms[rise != 0]).sum():
            self._run = 0
            return self._means
        step, course = means - centers, means - self._means
        self._means, self._terms = means, terms
        self._run = self._run + 1 if np.vdot(step, course) > 0 else 0
        # .5, .67, .75 and so on: with n / (n + 3), the usual share, pictures and normal rows take
        # a third more iterations, and end higher.
        share = self._run / (self._run + 1)
        return means + share * (_BEYOND * step + course)
