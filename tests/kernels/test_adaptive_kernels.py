"""The compiled loops of the adaptive filters against plain NumPy and Python integers."""

from types import SimpleNamespace

import numpy as np
import pytest
from kernel_cases import call
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skextra._base import frozen
from skextra._kernels import _epoch_map as epoch_map
from skextra._kernels import _lms_csr as csr
from skextra._kernels import _lms_dense as dense
from skextra._kernels import _rls as rls
from skextra._kernels import _row_keys as row_keys
from skextra._kernels._adaptive_types import CompressedRows, Gains, StridedRows

FILE_ORDER = np.empty(0, np.intp)
BIAS = 0.7
TOTAL = 11.5
MODULUS = 2**64

# n, n_features, n_outputs, one weight a row, shuffled, dtype; rows lie backwards if shuffled.
SHAPES = [
    (1, 1, 1, 1, False, np.float64),
    (5, 3, 2, 1, True, np.float64),
    (6, 2, 3, 0, False, np.float64),
    (4, 1, 2, 1, True, np.float64),
    (5, 4, 2, 1, False, np.float32),
]
shapes = pytest.mark.parametrize("n, p, n_outputs, inc, shuffled, dtype", SHAPES)
averages = pytest.mark.parametrize("average", [False, True])


def spread(X, backwards, bias=0.0):
    """Return StridedRows that lie apart, in a buffer full of other numbers."""
    n, p = X.shape
    size = p + 2
    buf = np.full(3 + n * size, 1e3, X.dtype)
    start, stride = (3 + (n - 1) * size, -size) if backwards else (3, size)
    for i, row in enumerate(X):
        buf[start + i * stride :][:p] = row
    return StridedRows(frozen(buf), start, stride, p, X.dtype.type(bias))


def drawn(n, p, n_outputs, inc, shuffled, dtype, *, X=None):
    """Return random rows, targets, gains and weights; the inputs have the bias as last column."""
    rng = np.random.default_rng([n, p, n_outputs])
    X = rng.standard_normal((n, p)).astype(dtype) if X is None else X
    made = SimpleNamespace(n=n, p=p, inc=inc, dtype=dtype, X=X)
    made.rows = spread(X, shuffled, BIAS)
    made.inputs = np.c_[X, np.full(n, dtype(BIAS))].astype(np.float64)
    made.order = rng.permutation(n) if shuffled else FILE_ORDER
    made.targets = frozen(rng.standard_normal((n, n_outputs)).astype(dtype))
    size = n if inc else 1
    made.step = frozen(rng.uniform(0.1, 0.4, size).astype(dtype))
    made.hold = frozen(rng.uniform(0.5, 0.9, size).astype(dtype))
    made.weight = frozen(rng.uniform(0.5, 2.5, size))
    made.each_weight = np.broadcast_to(made.weight, n)
    made.gains = Gains(made.step, made.hold, made.weight, inc, TOTAL)
    made.w, made.u, made.v = rng.standard_normal((3, n_outputs, p + 1)).astype(dtype)
    made.tolerance = 1e-12 if dtype == np.float64 else 2e-5
    return made


def check(made, result, expected):
    assert_allclose(result, expected, rtol=made.tolerance, atol=made.tolerance)


def textbook_epoch(made, w, targets):
    """Return (w after each row, its outputs before that, the gathered a_i e_i x_i)."""
    w, gathered, seen = w.astype(np.float64), np.zeros(w.shape), 0.0
    path, outputs = [], np.empty(targets.shape)
    step, hold = (np.broadcast_to(gain, made.n) for gain in (made.step, made.hold))
    for i in made.order if made.order.size else range(made.n):
        x = made.inputs[i]
        seen += made.each_weight[i]
        outputs[i] = w @ x
        move = np.outer(targets[i] - outputs[i], x)
        w = w + step[i] * move
        gathered += (step[i] * (TOTAL - seen) + hold[i]) / TOTAL * move
        path.append(w)
    return np.array(path), outputs, gathered


def weighted_squares(made, v):
    errors = made.targets - made.inputs @ v.T.astype(np.float64)
    return made.each_weight @ (errors**2).sum(axis=1)


@pytest.mark.parametrize("name", ["lms_epoch", "lms_epoch_narrow"])
@averages
@shapes
def test_a_dense_epoch_is_the_textbooks(name, average, n, p, n_outputs, inc, shuffled, dtype):
    made = drawn(n, p, n_outputs, inc, shuffled, dtype)
    path, _, gathered = textbook_epoch(made, made.w, made.targets)
    w, u, power = made.w.copy(), made.u.copy(), np.zeros(2)
    args = made.rows, made.order, made.targets, made.gains, w, u, average, made.v, power
    loss = call(getattr(dense, name), args, [w, u, power])
    check(made, loss, weighted_squares(made, made.v))
    check(made, w, path[-1])
    squares = (made.inputs.astype(np.float64) ** 2).sum(axis=1)
    check(made, power, [squares.sum(), squares.max()])
    if average:
        check(made, u, made.u + gathered)
    else:
        assert_array_equal(u, made.u)


@pytest.mark.parametrize("name", ["lms_epoch", "lms_epoch_narrow"])
def test_a_dense_epoch_is_the_same_whether_it_measures_the_rows_or_not(name):
    made = drawn(7, 5, 2, 0, False, np.float64)
    found = []
    for power in (np.zeros(2), np.empty(0)):
        w, u = made.w.copy(), made.u.copy()
        args = made.rows, made.order, made.targets, made.gains, w, u, True, made.v, power
        found.append((call(getattr(dense, name), args, [w, u, power]), w, u))
    for measuring, plain in zip(*found, strict=True):
        assert_array_equal(measuring, plain)


def with_holes(n, p, dtype):
    """Return a CSR matrix whose rows have p, 0, 1, 2, ... entries."""
    rng = np.random.default_rng(p)
    X = rng.standard_normal((n, p)).astype(dtype)
    for i, row in enumerate(X):
        row[rng.permutation(p)[(i - 1) % (p + 1) :]] = 0
    return X, sparse.csr_array(X)


def compressed(A):
    indices = frozen(A.indices.view(np.uint32))
    return CompressedRows(frozen(A.data), indices, frozen(A.indptr), A.dtype.type(BIAS))


@averages
@pytest.mark.parametrize("inc, shuffled", [(1, False), (1, True), (0, True)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_sparse_epoch_is_the_textbooks(average, inc, shuffled, dtype):
    n, p, n_outputs = 7, 4, 2
    X, A = with_holes(n, p, dtype)
    assert_array_equal(np.diff(A.indptr), [4, 0, 1, 2, 3, 4, 0])
    made = drawn(n, p, n_outputs, inc, shuffled, dtype, X=X)
    path, _, gathered = textbook_epoch(made, made.w, made.targets)
    pairs, u = np.stack([made.w, made.v], axis=2).reshape(n_outputs, -1), made.u.copy()
    args = compressed(A), made.order, made.targets, made.gains, pairs, u, average
    loss = call(csr.lms_epoch_csr, args, [pairs, u])
    check(made, loss, weighted_squares(made, made.v))
    check(made, pairs[:, ::2], path[-1])
    assert_array_equal(pairs[:, 1::2], made.v)
    if average:
        check(made, u, made.u + gathered)
    else:
        assert_array_equal(u, made.u)


@shapes
def test_squared_error_is_the_weighted_sum(n, p, n_outputs, inc, shuffled, dtype):
    made = drawn(n, p, n_outputs, inc, shuffled, dtype)
    args = made.rows, made.targets, made.gains, made.v
    check(made, call(dense.squared_error, args, []), weighted_squares(made, made.v))


@shapes
def test_row_powers_are_squared_norms(n, p, n_outputs, inc, shuffled, dtype):
    made = drawn(n, p, n_outputs, inc, shuffled, dtype)
    powers = np.full(n, 99.0)
    call(dense.row_powers, (made.rows, 3.0, powers), [powers])
    scaled = made.inputs * np.append(np.full(p, 3.0), 1.0)
    assert_allclose(powers, (scaled**2).sum(axis=1), rtol=1e-12)


def test_row_powers_do_not_overflow_in_float32():
    X = np.array([[3e20, -4e20], [0, 2e25]], np.float32)
    powers = np.empty(2)
    dense.row_powers(tuple(spread(X, False)), 1.0, powers)
    assert_allclose(powers, [25e40, 4e50], rtol=1e-6)


@pytest.mark.parametrize("keep_path", [False, True])
@shapes
def test_adapting_keeps_outputs_sum_and_path(keep_path, n, p, n_outputs, inc, shuffled, dtype):
    made = drawn(n, p, n_outputs, inc, shuffled, dtype)
    made.order = FILE_ORDER  # the rows come as they are
    expected, expected_outputs, _ = textbook_epoch(made, made.w, made.targets)
    w, outputs = made.w.copy(), np.full((n, n_outputs), 99, dtype)
    total = np.arange(made.w.size, dtype=np.float64).reshape(made.w.shape)
    start = total.copy()
    path = np.full((n if keep_path else 0, *w.shape), 99, dtype)
    args = made.rows, made.targets, made.gains, w, total, outputs, path
    call(dense.lms_adapt, args, [w, total, outputs, path])
    check(made, w, expected[-1])
    check(made, outputs, expected_outputs)
    check(made, total, start + expected.sum(axis=0))
    if keep_path:
        check(made, path, expected)


@averages
@shapes
def test_the_epoch_map_takes_any_weights_where_the_epoch_takes_them(
    average, n, p, n_outputs, inc, shuffled, dtype
):
    made = drawn(n, p, n_outputs, inc, shuffled, dtype)
    made.tolerance = 1e-12  # in float64 for float32 rows too
    origin = made.v.astype(np.float64)
    args = made.rows, made.order, made.targets, made.gains, origin, average
    mat, mean_mat, gram = np.eye(p + 1), np.zeros((p + 1, p + 1)), np.zeros((p + 1, p + 1))
    vec, mean_vec, gradient = (np.zeros(origin.shape) for _ in range(3))
    found = epoch_map.ComposedEpoch(mat, vec, mean_mat, mean_vec, gram, gradient)
    half = n // 2  # in two parts
    seen = call(epoch_map.compose_epoch, (*args, found, 0, half, 0.0), found)
    seen = call(epoch_map.compose_epoch, (*args, found, half, n, seen), found)
    assert_allclose(seen, made.each_weight.sum(), rtol=1e-12)
    path, _, gathered = textbook_epoch(made, np.zeros(origin.shape), made.targets)
    basis_path, _, basis_gathered = textbook_epoch(made, np.eye(p + 1), np.zeros((n, p + 1)))
    check(made, mat.T, basis_path[-1])
    check(made, vec, path[-1])
    check(made, mean_mat.T, basis_gathered if average else 0)
    check(made, mean_vec, gathered if average else 0)
    weighted = made.each_weight[:, None] * made.inputs
    check(made, gram, weighted.T @ made.inputs)
    check(made, gradient, (made.targets - made.inputs @ origin.T).T @ weighted)


def udu(P):
    """Return (U, d) with P = U diag(d) U^T and U unit upper triangular."""
    root = np.linalg.cholesky(P[::-1, ::-1])[::-1, ::-1]
    return root / np.diag(root), np.diag(root) ** 2


def textbook_rls(inputs, targets, weight, forgetting, limit, w, P, resolution=0.0):
    """Return (w after each row, outputs before that, P, what limited it, what is remembered)."""
    w, path, outputs, limited = w.copy(), [], [], 0
    q = inputs.shape[1]
    squares, count, turn, since = np.zeros(q), 0.0, 0, np.inf
    for x, d, r in zip(inputs, targets, weight, strict=True):
        decay = forgetting**r
        s = r if forgetting == 1 else (1 - decay) / (1 - forgetting)
        P = np.linalg.inv(decay * np.linalg.inv(P) + s * np.outer(x, x))
        outputs.append(w[:, :q] @ x)
        w[:, :q] += np.outer(d - outputs[-1], s * P @ x)
        path.append(w.copy())
        unit, diagonal = udu(P)
        limited |= int((diagonal > limit).any())
        P = unit * np.minimum(diagonal, limit) @ unit.T
        squares, count, since = decay * squares + s * x**2, decay * count + s, since + 1
        worst = (udu(P)[1] * squares).max()
        if (1 - forgetting) * count > 0.95 and worst * q * resolution > 1:
            information = np.linalg.inv(P)
            information[turn, turn] += q * resolution * squares[turn] * q * (1 - decay)
            P = np.linalg.inv(information)
            turn, since = (turn + 1) % q, 0
    limited |= 2 * (since * (1 - forgetting) < 1 or since < q)
    return np.array(path), np.array(outputs), P, limited, [*squares, count, turn, since]


@pytest.mark.parametrize(
    "shape, bias, forgetting, limit, resolution, limited",
    [
        ((5, 3, 2, 1, True, np.float64), True, 0.9, 1e9, 0.0, 0),
        ((5, 3, 2, 1, False, np.float64), True, 0.6, 0.5, 0.0, 1),
        ((6, 2, 3, 0, True, np.float64), False, 1.0, 1e9, 9.0, 0),
        ((4, 3, 1, 1, False, np.float64), True, 1.0, 0.8, 0.0, 1),
        ((4, 1, 2, 0, False, np.float64), False, 0.8, 1e9, 9.0, 0),
        ((5, 4, 2, 1, True, np.float32), True, 0.7, 1e9, 0.0, 0),
        ((9, 3, 2, 1, True, np.float64), True, 0.6, 1e9, 0.05, 2),
        ((9, 3, 2, 0, True, np.float64), False, 0.3, 0.4, 0.5, 3),
    ],
)
@pytest.mark.parametrize("keep_path", [False, True])
def test_recursive_least_squares_solves_the_weighted_normal_equations(
    shape, bias, forgetting, limit, resolution, limited, keep_path
):
    made = drawn(*shape)
    n, p, *_ = shape
    q = p + bias
    rng = np.random.default_rng(q)
    unit = np.tril(rng.standard_normal((q, q)), -1) + np.eye(q)
    diagonal = rng.uniform(1, 2, q)
    targets, start = made.targets.astype(np.float64), made.v.astype(np.float64)
    P = unit.T * diagonal @ unit
    inputs, weight = made.inputs[:, :q], made.each_weight
    expected = textbook_rls(inputs, targets, weight, forgetting, limit, start, P, resolution)
    w, outputs = start.copy(), np.full(targets.shape, 99.0)
    path = np.full((n if keep_path else 0, *w.shape), 99.0)
    memory = np.append(np.zeros(q + 2), np.inf)
    inverse = rls.InverseFactors(unit, diagonal, memory)
    settings = rls.Forgetting(forgetting, limit, resolution)
    each_weight = frozen(np.ascontiguousarray(weight))
    args = made.rows, targets, each_weight, settings, inverse, w, outputs, path
    found = call(rls.rls_adapt, args, [w, unit, diagonal, memory, outputs, path])
    assert found == expected[3] == limited
    assert_allclose(memory, expected[4], rtol=1e-12)
    assert_allclose(w, expected[0][-1], rtol=1e-10)
    assert_allclose(outputs, expected[1], rtol=1e-10)
    assert_allclose(unit.T * diagonal @ unit, expected[2], rtol=1e-10, atol=1e-12)
    assert_array_equal(np.triu(unit), np.eye(q))
    assert (diagonal <= limit).all()
    if keep_path:
        assert_allclose(path, expected[0], rtol=1e-10)


def one_weight_rls(x, forgetting, weight, limit):
    """Return (held, diagonal) of one row of one feature, from P = 1."""
    rows = StridedRows(frozen(np.array([x])), 0, 1, 1, 0.0)
    w, outputs, no_path = np.zeros((1, 2)), np.empty((1, 1)), np.empty((0, 1, 2))
    inverse = rls.InverseFactors(np.eye(1), np.ones(1), np.array([0.0, 0.0, 0.0, np.inf]))
    settings = rls.Forgetting(forgetting, limit, 0.0)
    each_weight = frozen(np.array([weight]))
    args = rows, outputs.copy(), each_weight, settings, inverse, w, outputs, no_path
    held = call(rls.rls_adapt, args, [*inverse, w, outputs])
    return held, inverse.diagonal[0]


@pytest.mark.parametrize("limit, expected", [(2.0, (False, 2.0)), (1.5, (True, 1.5))])
def test_reaching_the_limit_is_not_running_into_it(limit, expected):
    assert one_weight_rls(0.0, 0.5, 1.0, limit) == expected


def test_a_row_that_outweighs_all_memory_leaves_only_itself():
    held, diagonal = one_weight_rls(3.0, 0.5, 4000.0, 1e9)  # 0.5^4000 is 0
    assert not held
    assert_allclose(diagonal, 1 / (2 * 3.0**2), rtol=1e-12)


def splitmix(key):
    key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9 % MODULUS
    key = (key ^ key >> 27) * 0x94D049BB133111EB % MODULUS
    return key ^ key >> 31


def key_of(patterns, multipliers, sign):
    folded = ((0 if b == sign else b) for b in map(int, patterns))
    pairs = zip(folded, map(int, multipliers), strict=True)
    return sum((b ^ b >> 29 ^ b << 17) * m for b, m in pairs) % MODULUS


ignore_wrapping = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


@ignore_wrapping
@pytest.mark.parametrize(
    "seed, numbers",
    [
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]),
        (1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423]),
    ],
)
def test_mix_finishes_the_published_numbers_of_splitmix64(seed, numbers):
    for i, number in enumerate(numbers, 1):
        key = (seed + i * 0x9E3779B97F4A7C15) % MODULUS
        assert int(row_keys.mix(np.uint64(key))) == number == splitmix(key)


@ignore_wrapping
def test_a_term_is_the_folded_pattern_times_the_multiplier():
    sign = 1 << 63
    for bits in (0, 1, 1 << 29, sign, sign + 1, 0x3FF0000000000000, MODULUS - 1):
        for multiplier in (1, 0x9E3779B97F4A7C15):
            term = row_keys.term(np.uint64(bits), np.uint64(multiplier), np.uint64(sign))
            assert int(term) == key_of([bits], [multiplier], sign)


@ignore_wrapping
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_row_keys_are_sums_of_terms_in_any_storage(dtype):
    X, A = with_holes(7, 4, dtype)
    unsigned, sign = (np.uint64, 1 << 63) if dtype == np.float64 else (np.uint32, 1 << 31)
    multipliers = np.random.default_rng(0).integers(0, MODULUS, 4, np.uint64) | np.uint64(1)
    expected = [key_of(row.view(unsigned), multipliers, sign) for row in X]
    X[1] = -0.0
    buf, start, stride, *_ = spread(X, True)
    keys = np.zeros(7, np.uint64)
    args = buf.view(unsigned), start, stride, 4, multipliers, np.uint64(sign), False, keys
    call(row_keys.row_keys_dense, args, [keys])
    assert keys.tolist() == expected
    data, indices, indptr, _ = compressed(A)
    keys = np.zeros(7, np.uint64)
    args = data.view(unsigned), indices, indptr, multipliers, np.uint64(sign), keys
    call(row_keys.row_keys_csr, args, [keys])
    assert keys.tolist() == expected
    for keys in (
        row_keys.keys_of_dense(buf, start, stride, 7, 4, multipliers),
        row_keys.keys_of_csr(data, indices, indptr, multipliers),
    ):
        assert keys.tolist() == expected


@ignore_wrapping
def test_finished_keys_mix_the_rows_with_their_targets():
    rng = np.random.default_rng(1)
    keys, multipliers = rng.integers(0, MODULUS, 5, np.uint64), np.array([7, 9], np.uint64)
    targets = rng.standard_normal((5, 2))
    own = [key_of(row.view(np.uint64), multipliers, 1 << 63) for row in targets]
    expected = [splitmix(int(a) ^ splitmix(b)) for a, b in zip(keys, own, strict=True)]
    call(row_keys.finish_keys, (keys, targets, multipliers), [keys])
    assert keys.tolist() == expected
