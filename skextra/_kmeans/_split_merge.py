"""The search for good centres by splitting clusters and removing others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skextra._kernels._kmeans_search import Halves
from skextra._kmeans._dense_rows import DenseRows
from skextra._kmeans._lloyd import Clustering, lloyd
from skextra._kmeans._metric import EUCLIDEAN, Metric
from skextra._kmeans._rows import Floats, Indices

# Iterations after centres are removed, and after clusters are split. Half or twice the first
# change the time of a fit by 3 and 1%, of the second by 7 and 8%, and its inertia by .1%
# (benchmarks/kmeans_constants.py, as for the other numbers).
_SETTLING = 6
_SPLITTING = 3
# What a round has to gain, as a share of the inertia, to be repeated with as many centres: half or
# twice as much changes the time by 1% and the inertia by .1%.
_LEAST_GAIN = 1e-4
# A bound on the time of a search, which none of the data sets reaches.
_MOST_ROUNDS = 60
# Removing centres costs less than it seems, because the others close up, but not that much less:
# rounds rarely gain at a ratio above 1.7, and never much above 1.9.
_POOR, _HOPELESS = 1.7, 1.9
_TELLING = 16  # clusters from which that ratio is certain enough to give up the search
# Where groups are left to be found, removals cost next to nothing, and where all are found, far
# more than splits gain. In between, up to `_EVEN`, there are none: rounds gain by shifting all
# centres a little, less each time, and the iterations on all rows gain much of the same. Such a
# search ends with the first round that gains less than the share `_WORTH` of the inertia for each
# cluster, at most `_MOST_WORTH` in all. With .003 instead of .005 in all, fits of such data take
# 10% more time and end up to .3% lower, with .007 3% less and .1% higher. With 1.3 instead of 1.2,
# fifty overlapping groups in two features end .3% higher: rounds with few splits still gain there.
_EVEN = 1.2
_WORTH, _MOST_WORTH = 2.5e-5, 0.005
_MANY = 32
# Between these ratios a first round tells of no groups. It is .1 to .45 or above 1.7 for blobs and
# embeddings with as many groups as centres, .77 to 1.2 for noise and for embeddings with three to
# thirty times more groups, or fewer, and .61 to .73 for noise in 1,000 dimensions.
_FOUND_FEW, _FOUND_ALL = 0.55, 1.5
# Where it tells of none, a search pays in two cases. One is that a quarter more centres lower the
# inertia by more than this share: the steeper it falls, the more depends on where centres are. It
# is .09 to .16 where embeddings have three groups for each centre, which a search ends .3 to .5%
# lower, and .02 to .06 where they have ten or a third, and for noise: there a search gains up to
# .1% and takes as long as the rest. The other is that the best splits, one in so many, save this
# many times more than the median one: some centres still share a group. That is 1.3 to 2 for noise
# and these embeddings, and 4 to 70 where one to fifteen of sixty groups share a centre.
_STEEP = 0.075
_UNEVEN, _BEST = 2.1, 32


def split_and_merge(
    rows: DenseRows,
    centers: Floats,
    effort: int = 1,
    metric: Metric = EUCLIDEAN,
    rounds: int = _MOST_ROUNDS,
    worth: float = 1.0,
) -> Clustering:
    """Lower the inertia by splitting clusters and removing others, as long as that pays.

    A round splits the m clusters that gain most from it in two, iterates, removes the m centres
    whose removal costs least, and iterates again. It is undone if the inertia has not fallen, and
    the next one splits fewer. Where the rounds show that the rows form no groups, the search ends
    early. This is in the line of breathing k-means (Fritzke 2020), which adds centres at random;
    split along the main direction of a cluster they are worth more, so that fewer rounds do.
    `effort` is how many splits may fail one by one at the end, `rounds` the most rounds, and
    `worth` what a round without groups has to gain, in terms of what it usually has to.
    """
    k = len(centers)
    begin = Clustering.start(rows, centers).placed(rows, metric)
    best = lloyd(rows, begin, max_iter=_SETTLING, metric=metric)
    inertia = best.inertia(rows)
    m = max(1, k // 4)
    skip, halves = 0, None
    for _ in range(rounds):
        if halves is None:
            means = metric.means(best.centers, best.assignment)
            halves = rows.split(means, best.assignment.labels)
        chosen = np.argsort(-halves.saved, kind="stable")[skip : skip + m]
        chosen = chosen[halves.saved[chosen] > 0]
        if not len(chosen):
            break
        more, gone, prospect = _split(rows, best, inertia, halves, chosen, metric)
        gain = 0.0
        if prospect < _HOPELESS:
            trial = lloyd(rows, more.without(gone), max_iter=_SETTLING, metric=metric)
            fallen = trial.inertia(rows)
            gain = inertia - fallen
            if gain > 0:
                best, inertia, halves = trial, fallen, None
        least = worth * min(_WORTH * k, _MOST_WORTH) * inertia
        if k >= _MANY and m == k // 4 and prospect < _EVEN and gain < least:
            break  # no groups to be found
        if gain > _LEAST_GAIN * inertia * max(1.0, m / 2.5):
            skip = 0
        elif m > 1:
            m = max(1, m // (2 if prospect < _POOR else 4))
        elif skip < min(effort, k) - 1 and (prospect < _POOR or k < _TELLING):
            skip += 1
        else:
            break
    return best


@dataclass(frozen=True)
class FirstRound:
    """What one round of a search tells of the rows.

    Attributes
    ----------
    centers : ndarray of shape (k, d)
        The centres after the round.
    shows_groups : bool
        Whether rows form about as many groups as there are centres. They do if some centres share
        a group, so that removing one of these costs next to nothing, or if every centre has a
        group, so that removing one costs far more than a split gains.
    is_worthwhile : bool
        Whether a search is worth its time where it shows no groups.
    """

    centers: Floats
    shows_groups: bool
    is_worthwhile: bool

    @classmethod
    def of(cls, rows: DenseRows, centers: Floats) -> FirstRound:
        """Return what a round from some centres tells."""
        begin = lloyd(rows, Clustering.start(rows, centers), max_iter=_SETTLING)
        means = EUCLIDEAN.means(begin.centers, begin.assignment)
        halves = rows.split(means, begin.assignment.labels)
        chosen = np.argsort(-halves.saved, kind="stable")[: max(1, len(centers) // 4)]
        inertia = begin.inertia(rows)
        more, gone, prospect = _split(rows, begin, inertia, halves, chosen, EUCLIDEAN)
        fallen = (inertia - more.inertia(rows)) / inertia if inertia > 0 else 0.0
        if prospect < _FOUND_FEW:
            begin = more.without(gone)
        shows_groups = not _FOUND_FEW <= prospect <= _FOUND_ALL
        best = halves.saved[chosen[: max(1, len(centers) // _BEST)]].mean()
        is_uneven = best > _UNEVEN * np.median(halves.saved)
        return cls(begin.centers, shows_groups, bool(is_uneven or fallen > _STEEP))


def _split(
    rows: DenseRows,
    clustering: Clustering,
    inertia: float,
    halves: Halves,
    chosen: Indices,
    metric: Metric,
) -> tuple[Clustering, list[int], float]:
    """Return (clustering with the chosen clusters split, as many centres to remove, the prospect).

    The prospect is what their removal would cost at once, over what the splits gained.
    """
    old = clustering.centers[chosen]
    shift = np.square(np.array([half[chosen] for half in halves[:2]]) - old).sum(axis=2).max()
    assignment = clustering.assignment.copy()
    assignment.split(chosen, np.sqrt(shift) * rows.scale)
    centers = np.concatenate([clustering.centers, halves.high[chosen]])
    centers[chosen] = halves.low[chosen]
    begin = Clustering(centers, assignment).placed(rows, metric)
    more = lloyd(rows, begin, max_iter=_SPLITTING, costs=True, metric=metric)
    gone = least_missed(more.centers, more.costs, len(chosen))
    gain = (inertia - more.inertia(rows)) * rows.scale**2
    return more, gone, more.costs[gone].sum() / gain if gain > 0 else np.inf


def least_missed(centers: Floats, costs: Floats, m: int) -> list[int]:
    """Return m centres that cost little to remove, no two of which rely on each other."""
    if m == 1:
        return [int(np.argmin(costs))]
    removed, spared = [], set()
    squares = np.square(centers).sum(axis=1)
    for c in np.argsort(costs, kind="stable"):
        if len(removed) == m:
            break
        if c in spared:
            continue
        removed.append(c)
        distances = squares - 2 * centers @ centers[c]
        distances[removed] = np.inf
        spared.add(int(np.argmin(distances)))
    for c in np.argsort(costs, kind="stable"):
        if len(removed) == m:
            break
        if c not in removed:
            removed.append(c)
    return removed
