"""The loops of greedy k-means++ against NumPy."""

import numpy as np
import pytest

from skextra._kernels import _kmeans_seed as kernels


def seed(columns, *args):
    n = columns.shape[1]
    kernels.seed_greedily(columns, *args, np.full((3, n), np.nan, np.float32), np.full(n, np.nan))


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("number", range(6))
def test_seeding_takes_the_best_of_its_trials(step, d, number):
    rng = np.random.default_rng(number)
    rows = rng.normal(size=(20, d))
    weight = rng.integers(0, 3, 20).astype(float)
    weight[[0, 19]] = 0.0, 2.0
    own = weight if step else np.full(20, weight[0] + 1)
    draws = rng.random((5, 3))
    draws[0] = 0.0, 0.9, 0.5  # the first centre has one trial
    draws[2], draws[3, 1] = 0.0, 1.0  # the first that has a share; beyond the last
    chosen = np.zeros(5, np.int64)
    columns = np.ascontiguousarray(rows.T, dtype=np.float32)
    seed(columns, own if step else own[:1], step, draws, chosen)
    closest = np.ones(20, np.float32)
    for c in range(5):
        running = np.cumsum(own * closest)
        at = [np.flatnonzero(np.append(running[:-1] > u * running[-1], True))[0] for u in draws[c]]
        at = at[: 3 if c else 1]
        trials = np.square(columns[:, :, None] - columns[:, None, at]).sum(axis=0).T
        if c:
            trials = np.minimum(trials, closest)
        best = (trials @ own).argmin()
        assert chosen[c] == at[best]
        closest = trials[best]


def test_seeding_takes_the_first_of_equal_trials():
    columns = np.array([[0.0, -1.0, 1.0, -1.0, 1.0]], np.float32)
    for pair, second in [((0.1, 0.9), 1), ((0.9, 0.1), 4)]:
        chosen = np.zeros(2, np.int64)
        seed(columns, np.ones(1), 0, np.array([(0.1, 0.1), pair]), chosen)
        assert chosen.tolist() == [0, second]


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("number", range(6))
def test_seeding_in_cells_compares_trials_within_their_cell(step, number):
    rng = np.random.default_rng(number)
    bounds = np.array([0, 7, 7, 12, 20])  # the second cell is empty: its choice lies elsewhere
    columns = rng.normal(size=(2, 20)).astype(np.float32)
    weight = rng.integers(0, 3, 20).astype(float)
    own = weight if step else np.full(20, weight[0] + 1)
    draws = rng.random((9, 3))
    draws[5, 1], draws[6, 0] = 0.0, 1.0
    chosen = np.zeros(9, np.int64)
    chosen[:4] = 3, 0, 8, 19
    scratch = np.full((3, 20), np.nan, np.float32), np.full(4, np.nan)
    kernels.seed_in_cells(columns, own if step else own[:1], step, bounds, draws, chosen, *scratch)
    cell = np.repeat([0, 2, 3], [7, 5, 8])
    closest = np.square(columns - columns[:, chosen[cell]]).sum(axis=0)
    for c in range(4, 9):
        running = np.cumsum(own * closest)
        at = [np.flatnonzero(np.append(running[:-1] > u * running[-1], True))[0] for u in draws[c]]
        trials = np.square(columns[:, :, None] - columns[:, None, at]).sum(axis=0).T
        trials = np.where(cell == cell[at][:, None], np.minimum(trials, closest), closest)
        best = (trials @ own).argmin()
        assert chosen[c] == at[best]
        closest = trials[best]


def test_a_single_cell_is_all_rows():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(3, 30)).astype(np.float32)
    draws = rng.random((8, 4))
    usual, celled = np.zeros((2, 8), np.int64)
    seed(columns, np.ones(1), 0, draws, usual)
    celled[0] = usual[0]
    scratch = np.empty((3, 30), np.float32), np.empty(1)
    kernels.seed_in_cells(columns, np.ones(1), 0, np.array([0, 30]), draws, celled, *scratch)
    np.testing.assert_array_equal(celled, usual)
