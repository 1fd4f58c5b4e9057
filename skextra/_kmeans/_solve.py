"""From points to centres: where to start, how to search, and exact iterations to the end."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils import gen_batches

from skextra._kmeans._history import KMeansHistory, Recorder
from skextra._kmeans._line import is_solvable
from skextra._kmeans._lloyd import MOMENTUM, Clustering, lloyd
from skextra._kmeans._rare import swap_to_far_groups
from skextra._kmeans._sample import sample_size, search
from skextra._kmeans._seeding import greedy_plus_plus, seed_on_some

_ROUNDS = 3


@dataclass
class Plan:
    """What a run is asked for; `init` is a name or centres in the space of X."""

    n_clusters: int
    init: object
    effort: int  # of the search; 0: none
    max_iter: int
    tol: float  # of the squared way of all centres, in the units of X
    algorithm: str
    dtype: type
    repeats: np.ndarray | None  # samples that each point stands for, if a history is wanted


@dataclass
class Solution:
    """One run's result; `inertia` belongs to exactly these centres and labels."""

    centers: np.ndarray
    exact: np.ndarray  # the centres before they were rounded to the dtype of X
    labels: np.ndarray
    inertia: float
    n_iter: int
    counts: np.ndarray
    history: KMeansHistory | None

    def count_filled(self):
        """Return how many clusters have samples."""
        filled = self.counts > 1e-9 * self.counts.sum()
        if filled.all():  # less may be nothing but rounding of running sums: look at the labels
            return len(filled)
        filled[:] = False
        for part in gen_batches(len(self.labels), 65_536):
            filled[self.labels[part]] = True
        return np.count_nonzero(filled)


def best_of(points, plan, inits, random_state, tell):
    """Return (best solution over all starts, the last step that led there)."""
    best = last = None
    steps = []

    def hear(step):
        steps[:] = [step]
        return tell(step)

    if plan.effort and is_solvable(points.n, points.d, plan.n_clusters):
        inits = inits[:1]  # all end the same
    for init in inits:
        solution = solve(points, replace(plan, init=init), random_state, hear)
        if best is None or solution.inertia < best.inertia:
            best, last = solution, steps[0]
    return best, last


def solve(points, plan, random_state, tell):
    """Run k-means once; ``tell(step)`` hears of every iteration on all points and may stop it."""
    recorder = None if plan.repeats is None else Recorder(points, plan.repeats, plan.dtype)

    def watch(step):
        if recorder:
            recorder.add(step)
        return tell(step)

    start = _begin(points, plan, random_state)
    _choose_bounds(points, start, plan)
    found = lloyd(
        points,
        start,
        max_iter=plan.max_iter,
        tol=plan.tol,
        momentum=MOMENTUM if plan.effort and plan.algorithm == "auto" else 0.0,
        watch=watch,
        strict=True,
    )
    return _publish(points, found, plan.dtype, recorder)


def _begin(points, plan, random_state):
    """Return the clustering with which the iterations on all points begin."""
    k, init = plan.n_clusters, plan.init
    if isinstance(init, np.ndarray):
        init = init.astype(np.float64) - points.offset
    if not plan.effort:
        if isinstance(init, str):
            choose = greedy_plus_plus if init == "k-means++" else _choose_any
            init = points.rows(choose(points, k, random_state))
        return Clustering.start(points, init)

    def seed(sample, carry):
        if isinstance(init, np.ndarray):
            return carry(init)
        if init == "k-means++":
            return seed_on_some(sample, k, random_state)
        return sample.rows(_choose_any(sample, k, random_state))

    found = search(points, k, seed, random_state, plan.effort)
    for _ in range(_ROUNDS if sample_size(points.n, points.d, k) < points.n else 0):
        found, sample = swap_to_far_groups(points, found.centers, random_state)
        if sample is None:
            break
        swapped = found.centers

        def seed_again(_, carry, swapped=swapped):
            return carry(swapped)

        found = search(points, k, seed_again, random_state, plan.effort, sample)
    return found if found.state else Clustering.start(points, found.centers)


def _choose_any(points, k, random_state):
    share = points.weights(0, points.n)
    share = share / share.sum()
    enough = np.count_nonzero(share) >= k
    return random_state.choice(points.n, k, replace=not enough, p=share)


def _choose_bounds(points, start, plan):
    """Make room for a bound for every pair of point and centre where asked for or of use."""
    k = plan.n_clusters
    can = points.is_dense and not points.is_narrow
    wanted = plan.algorithm == "elkan" or (plan.algorithm == "auto" and points.keeps_all_bounds(k))
    state = start.state
    if can and wanted and not len(state.lower):
        state.lower = np.empty((points.n, k), np.float32)
        state.fresh, start.assigned = True, False
    elif len(state.lower) and not wanted:
        start.state = Clustering.start(points, start.centers).state
        start.assigned = False


def _publish(points, found, dtype, recorder):
    """Return the solution, with the labels of the centres as they are published, rounded."""
    published = (found.centers + points.offset).astype(dtype)
    centers = published.astype(np.float64) - points.offset
    state = found.state
    way = np.sqrt(np.square(centers - found.centers).sum(axis=1))
    if not found.assigned or way.any():
        state.move(way * points.scale)
        points.assign(centers, state, state.fresh)
    inertia = points.inertia(centers, state.labels)
    history = recorder.close(published, inertia) if recorder else None
    exact = found.centers + points.offset
    return Solution(published, exact, state.labels, inertia, found.n_iter, state.counts, history)
