"""K-means on dense rows of many features and many centres, whose products BLAS computes.

Of a `Tile`, `rows` holds `LANES` rows, and `scores` a line for each of `SOME` centres. A pass
fills a tile, multiplies, and adopts what follows from the products, of which each centre has a
line, or each row where bounds of pairs are kept (see `WideRows.assign_chunk`).
"""

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel
from skextra._kernels._kmeans_narrow import LANES, rank_pair
from skextra._kernels._kmeans_pairs import bound_pairs, fill_row
from skextra._kernels._kmeans_rows import pending, settle

_FASTMATH = {"reassoc", "contract", "nsz"}
SOME = 16  # products of a row in a cache line


@kernel
def fill_pending(block, position, stop, state, full, tile):
    """Fill a tile with the next rows whose label is in doubt.

    Returned are the position after them and how many they are.
    """
    members, _, marks, rows, _ = tile
    position, m = pending(position, stop, state, full, members)
    for r in range(m):
        fill_row(block, members[r], r, rows, marks[0])
    return position, m


@inner(fastmath=_FASTMATH)
def _rank(norms, tile, products, m):
    """Find the two best scores of every row.

    Rows are compared side by side in the vector lanes, to which the products of some centres are
    brought first: row by row, every new minimum would be a branch that is not foreseen.
    """
    _, nearest, marks, _, scores = tile
    for first in range(0, len(norms), SOME):
        some = min(SOME, len(norms) - first)
        for r in range(m):
            for e in range(some):
                scores[e, r] = products[r, first + e] + norms[first + e]
        for e in range(0, some, 2):
            rank_pair(scores[e], scores[e + 1], first + e, marks[1], marks[2], nearest)


@inner(fastmath=_FASTMATH)
def _rank_lines(norms, tile, lines):
    """Find the two best scores of every row, from a line of products for each centre."""
    _, nearest, marks, _, scores = tile
    first, other = scores[0], scores[1]
    for c in range(0, len(norms), 2):
        u, v = lines[c], lines[c + 1]
        norm_u, norm_v = norms[c], norms[c + 1]
        for r in range(LANES):
            first[r] = u[r] + norm_u
            other[r] = v[r] + norm_v
        rank_pair(first, other, c, marks[1], marks[2], nearest)


@kernel
def adopt_lines(block, first, centers, tile, lines, m, state, totals):
    """Assign the first m rows of a tile; return how many labels changed.

    The squares of `totals` begin with the row `first`.
    """
    _rank_lines(centers[2], tile, lines)
    return settle(block, centers, tile, m, first, state, totals, len(totals[2]) > 0)


@kernel
def adopt(block, first, centers, tile, products, m, state, totals):
    """Do what `adopt_lines` does, and set the bounds of pairs for `assign_by_bounds`.

    Each row has a line of products.
    """
    _rank(centers[2], tile, products, m)
    changed = settle(block, centers, tile, m, first, state, totals, len(totals[2]) > 0)
    bound_pairs(centers, tile, products, m, state)
    return changed
