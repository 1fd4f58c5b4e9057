"""K-means on few rows: one row moves at a time, and one centre jumps."""

from typing import NamedTuple

import numpy as np

from skextra._kernels._kernel import kernel

# A move has to save more than rounding errors: some hundred times those of float64.
_LESS = 1.0 - 1e-12
# Ends an exchange in which rounding errors might move rows to and fro for ever.
_MOST_PASSES = 100


class Partition(NamedTuple):
    """A label for every row, and the centre and the weight of every cluster."""

    labels: np.ndarray
    centers: np.ndarray
    mass: np.ndarray


@kernel
def square_between(rows, i, centers, c):
    """Return the squared distance of a row and a centre."""
    s = 0.0
    for j in range(rows.shape[1]):
        t = rows[i, j] - centers[c, j]
        s += t * t
    return s


@kernel
def average(rows, weight, clusters):
    """Write the mean and the weight of every cluster; an empty one keeps its centre."""
    labels, centers, mass = clusters
    n, d = rows.shape
    for c in range(len(mass)):
        mass[c] = 0.0
    for i in range(n):
        mass[labels[i]] += weight[i]
    for c in range(len(mass)):
        if mass[c] > 0:
            for j in range(d):
                centers[c, j] = 0.0
    for i in range(n):
        share = weight[i] / mass[labels[i]]
        for j in range(d):
            centers[labels[i], j] += share * rows[i, j]


@kernel
def exchange(rows, weight, clusters):
    """Move single rows to other clusters as long as that lowers the inertia; return how many.

    Both centres follow at once, and what that saves is counted in, so that this goes on where
    Lloyd's iterations end (Hartigan, "Clustering Algorithms", 1975, section 4). The clusters are
    those of `average`.
    """
    labels, centers, mass = clusters
    n, d = rows.shape
    moves = 0
    settled = 0
    for step in range(_MOST_PASSES * n):
        if settled == n:
            break
        settled += 1
        i = step % n
        w, a = weight[i], labels[i]
        left = mass[a] - w
        if left <= 1e-9 * w:  # alone in its cluster
            continue
        least = square_between(rows, i, centers, a) * mass[a] / left * _LESS
        b = a
        for c in range(len(mass)):
            if c != a:
                cost = square_between(rows, i, centers, c) * mass[c] / (mass[c] + w)
                if cost < least:
                    least = cost
                    b = c
        if b == a:
            continue
        for j in range(d):
            centers[a, j] -= w / left * (rows[i, j] - centers[a, j])
            centers[b, j] += w / (mass[b] + w) * (rows[i, j] - centers[b, j])
        mass[a] = left
        mass[b] += w
        labels[i] = b
        moves += 1
        settled = 0
    return moves


@kernel
def jump(rows, clusters, gone, to):
    """Move the centre `gone` to the row `to`: rows go to the nearest of the centres."""
    labels, centers, _ = clusters
    k = len(centers)
    for i in range(len(rows)):
        new = square_between(rows, i, rows, to)
        if labels[i] != gone:
            if new < square_between(rows, i, centers, labels[i]):
                labels[i] = gone
            continue
        for c in range(k):
            if c != gone:
                old = square_between(rows, i, centers, c)
                if old < new:
                    new = old
                    labels[i] = c
    labels[to] = gone


@kernel
def copy(clusters, to):
    """Copy labels and centres entry by entry, which compiles faster than slices."""
    for i in range(len(to.labels)):
        to.labels[i] = clusters.labels[i]
    for c in range(len(to.centers)):
        for j in range(to.centers.shape[1]):
            to.centers[c, j] = clusters.centers[c, j]


@kernel
def search_by_jumps(rows, weight, draws, best, trial):
    """Let random centres jump to random rows, exchange, and keep what is better.

    ``draws[r]`` are two uniform numbers for each jump: which centre, which row. This is the
    random swap of Franti and Kivijarvi (2000) with Hartigan's exchange in place of Lloyd's
    iterations. The clusters `best` are updated, `trial` is scratch; returned is the inertia.
    """
    best, trial = Partition(*best), Partition(*trial)
    n, k = len(rows), len(best.centers)
    least = np.inf
    for r in range(-1, len(draws)):
        copy(best, trial)
        if r >= 0:
            jump(rows, trial, int(draws[r, 0] * k), int(draws[r, 1] * n))
        average(rows, weight, trial)
        exchange(rows, weight, trial)
        inertia = 0.0
        for i in range(n):
            inertia += weight[i] * square_between(rows, i, trial.centers, trial.labels[i])
        if inertia < least * _LESS:
            least = inertia
            copy(trial, best)
    return least
