"""Scores of four centres at a time, for rows that stand side by side in the vector lanes."""

from skextra._kernels._inner import inner

_FASTMATH = {"reassoc", "contract", "nsz"}


def in_fours(width):
    """Return (score_four, rank_four), the loops for four centres and so many lanes.

    The number is known when they are compiled: otherwise they would take a third longer.
    Every number of a row that is loaded serves four products, twice as many as in pairs.
    """

    @inner(fastmath=_FASTMATH)
    def score_four(lanes, packed, norms, four, scores):
        """Write ``|c|^2 - 2 x.c`` for four centres, of which each has a line."""
        s0, s1, s2, s3 = scores[0], scores[1], scores[2], scores[3]
        p, q, u, v = packed[four[0]], packed[four[1]], packed[four[2]], packed[four[3]]
        n0, n1, n2, n3 = norms[four[0]], norms[four[1]], norms[four[2]], norms[four[3]]
        for j in range(0, packed.shape[1], 4):
            x0, x1, x2, x3 = lanes[j], lanes[j + 1], lanes[j + 2], lanes[j + 3]
            p0, p1, p2, p3 = p[j], p[j + 1], p[j + 2], p[j + 3]
            q0, q1, q2, q3 = q[j], q[j + 1], q[j + 2], q[j + 3]
            u0, u1, u2, u3 = u[j], u[j + 1], u[j + 2], u[j + 3]
            v0, v1, v2, v3 = v[j], v[j + 1], v[j + 2], v[j + 3]
            if j == 0:
                for r in range(width):
                    s0[r] = n0 + p0 * x0[r] + p1 * x1[r] + p2 * x2[r] + p3 * x3[r]
                    s1[r] = n1 + q0 * x0[r] + q1 * x1[r] + q2 * x2[r] + q3 * x3[r]
                    s2[r] = n2 + u0 * x0[r] + u1 * x1[r] + u2 * x2[r] + u3 * x3[r]
                    s3[r] = n3 + v0 * x0[r] + v1 * x1[r] + v2 * x2[r] + v3 * x3[r]
            else:
                for r in range(width):
                    s0[r] += p0 * x0[r] + p1 * x1[r] + p2 * x2[r] + p3 * x3[r]
                    s1[r] += q0 * x0[r] + q1 * x1[r] + q2 * x2[r] + q3 * x3[r]
                    s2[r] += u0 * x0[r] + u1 * x1[r] + u2 * x2[r] + u3 * x3[r]
                    s3[r] += v0 * x0[r] + v1 * x1[r] + v2 * x2[r] + v3 * x3[r]

    @inner(fastmath=_FASTMATH)
    def rank_four(scores, four, best, second, nearest):
        """Keep the two best scores so far, infinite at first, and whose the best is."""
        s0, s1, s2, s3 = scores[0], scores[1], scores[2], scores[3]
        e0, e1, e2, e3 = four
        for r in range(width):
            p, q, u, v, w = s0[r], s1[r], s2[r], s3[r], best[r]
            low, other = min(p, q), min(u, v)
            left = e0 if p <= q else e1
            right = e2 if u <= v else e3
            winner = left if low <= other else right
            runner = min(min(max(p, q), max(u, v)), max(low, other))
            low = min(low, other)
            second[r] = min(min(second[r], runner), max(low, w))
            nearest[r] = winner if low < w else nearest[r]
            best[r] = min(low, w)

    return score_four, rank_four
