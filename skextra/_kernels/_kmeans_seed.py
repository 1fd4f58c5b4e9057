"""Greedy k-means++ on a few rows: among all of them, or in cells on their own.

``columns[j, i]`` is feature j of row i, and ``weight[i * step]`` its weight.
"""

import numpy as np

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel

_FASTMATH = {"reassoc", "contract", "nsz"}


@inner
def _first_above(rising, value):
    """Return where rising numbers first exceed a value, or else their last place."""
    low, high = 0, len(rising) - 1
    while low < high:
        middle = (low + high) // 2
        if rising[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low


@kernel(fastmath=_FASTMATH)
def seed_greedily(columns, weight, step, draws, chosen, room, cumulated):
    """Choose rows by greedy k-means++.

    `room` has three lines and `cumulated` one for a number a row.
    ``draws[c, t]`` are uniform numbers, one for each trial of each choice. Of the rows drawn
    in proportion to weight times squared distance, the one that leaves the least is taken.
    """
    d, n = columns.shape
    k, trials = draws.shape
    closest, trial, best = room[0], room[1], room[2]
    for i in range(n):
        closest[i] = 1.0
    for c in range(k):
        total = 0.0
        for i in range(n):
            total += weight[i * step] * closest[i]
            cumulated[i] = total
        least = np.inf
        for t in range(trials if c > 0 else 1):
            candidate = _first_above(cumulated, draws[c, t] * total)
            for i in range(n):
                trial[i] = 0.0
            for j in range(d):
                column = columns[j]
                x = column[candidate]
                for i in range(n):
                    v = column[i] - x
                    trial[i] += v * v
            left = 0.0
            if c > 0:
                for i in range(n):
                    trial[i] = min(trial[i], closest[i])
            for i in range(n):
                left += weight[i * step] * trial[i]
            if left < least:
                least = left
                chosen[c] = candidate
                best, trial = trial, best
        closest, best = best, closest


@inner(fastmath=_FASTMATH)
def _squares_to(columns, begin, end, row, out):
    """Write the squared distances of the rows ``begin:end`` to a row, from ``out[0]`` on."""
    for i in range(end - begin):
        out[i] = 0.0
    for j in range(len(columns)):
        column = columns[j, begin:end]
        x = columns[j, row]
        for i in range(end - begin):
            v = column[i] - x
            out[i] += v * v


@inner
def _draw_row(aim, weight, step, begin, end, closest):
    """Return the row at which the running sum of weight times `closest` exceeds `aim`."""
    for i in range(begin, end):
        aim -= weight[i * step] * closest[i]
        if aim < 0:
            return i
    return end - 1


@kernel(fastmath=_FASTMATH)
def seed_in_cells(columns, weight, step, bounds, draws, chosen, room, mass):
    """Go on with greedy k-means++ where rows meet only the choices in their own cell.

    The rows ``bounds[g]:bounds[g + 1]`` are cell g, and ``chosen[g]`` is its first choice. The
    next ones are drawn among the rows of all cells, but each is then compared with the rows of
    one cell. `room` has three lines for a number a row, and `mass` takes one a cell.
    """
    closest, trial, best = room[0], room[1], room[2]
    cells = len(bounds) - 1
    k, trials = draws.shape
    for g in range(cells):
        begin, end = bounds[g], bounds[g + 1]
        _squares_to(columns, begin, end, chosen[g], closest[begin:end])
        mass[g] = 0.0
        for i in range(begin, end):
            mass[g] += weight[i * step] * closest[i]
    for c in range(cells, k):
        total = 0.0
        for g in range(cells):
            total += mass[g]
        most, rest, winner = -np.inf, 0.0, 0
        for t in range(trials):
            aim = draws[c, t] * total
            g = 0
            while g < cells - 1 and aim >= mass[g]:
                aim -= mass[g]
                g += 1
            begin, end = bounds[g], bounds[g + 1]
            candidate = _draw_row(aim, weight, step, begin, end, closest)
            _squares_to(columns, begin, end, candidate, trial)
            own = closest[begin:end]
            left = 0.0
            for i in range(end - begin):
                trial[i] = min(trial[i], own[i])
            for i in range(end - begin):
                left += weight[(begin + i) * step] * trial[i]
            if mass[g] - left > most:
                most, rest, winner = mass[g] - left, left, g
                chosen[c] = candidate
                best, trial = trial, best
        begin, end = bounds[winner], bounds[winner + 1]
        mass[winner] = rest
        for i in range(end - begin):
            closest[begin + i] = best[i]
