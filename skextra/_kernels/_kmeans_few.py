"""K-means on few points: one point moves at a time, and one centre jumps."""

import numpy as np
from numba import njit

# A move has to save more than what rounding can feign.
_LESS = 1.0 - 1e-12
_MOST_PASSES = 100


@njit(cache=True, nogil=True)
def square_between(rows, i, centers, c):
    """Return the squared distance of a row and a centre."""
    s = 0.0
    for j in range(rows.shape[1]):
        t = rows[i, j] - centers[c, j]
        s += t * t
    return s


@njit(cache=True, nogil=True)
def average(rows, weight, labels, centers, mass):
    """Write the mean and the weight of every cluster; an empty one keeps its centre."""
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


@njit(cache=True, nogil=True)
def exchange(rows, weight, labels, centers, mass):
    """Move single points to other clusters as long as that lowers the inertia; return how many.

    Both centres follow at once, and what that saves is counted in, so that this goes on where
    Lloyd's iterations end (Hartigan, "Clustering Algorithms", 1975, section 4). `centers` and
    `mass` are those of `average`.
    """
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


@njit(cache=True, nogil=True)
def jump(rows, labels, centers, gone, to):
    """Take the centre `gone` to the point `to`: points go to the nearest of the centres."""
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


@njit(cache=True, nogil=True)
def copy(labels, centers, to_labels, to_centers):
    """Copy labels and centres entry by entry, which compiles sooner than slices."""
    for i in range(len(labels)):
        to_labels[i] = labels[i]
    for c in range(len(centers)):
        for j in range(centers.shape[1]):
            to_centers[c, j] = centers[c, j]


@njit(cache=True, nogil=True)
def search_by_jumps(rows, weight, draws, labels, centers, trial, places, mass):
    """Let random centres jump to random points, exchange, and keep what is better.

    ``draws[r]`` are two uniform numbers for each jump: which centre, which point. This is the
    random swap of Franti and Kivijarvi (2000) with Hartigan's exchange in place of Lloyd's
    iterations. `labels` and `centers` are updated; returned is their inertia.
    """
    n, k = len(rows), len(centers)
    least = np.inf
    for r in range(-1, len(draws)):
        copy(labels, centers, trial, places)
        if r >= 0:
            jump(rows, trial, places, int(draws[r, 0] * k), int(draws[r, 1] * n))
        average(rows, weight, trial, places, mass)
        exchange(rows, weight, trial, places, mass)
        inertia = 0.0
        for i in range(n):
            inertia += weight[i] * square_between(rows, i, places, trial[i])
        if inertia < least * _LESS:
            least = inertia
            copy(trial, places, labels, centers)
    return least
