"""The benchmarks of small data and of first use: what their rows say is what they measure."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    pytest.importorskip("PIL")  # the photographs of scikit-learn need it
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delenv("SKEXTRA_MNIST", raising=False)


def test_calls_take_turns_and_every_other_round_is_reversed():
    from _interleaved import in_turn

    heard = []
    seconds = in_turn([lambda: heard.append("ours"), lambda: heard.append("peer")], 2)
    assert heard == ["ours", "peer", "peer", "ours"]
    assert seconds.shape == (2, 2)
    assert (seconds >= 0).all()


def test_the_ratio_is_the_median_over_pairs():
    from _interleaved import Comparison

    found = Comparison.of([[1.0, 2.0], [2.0, 1.0], [10.0, 30.0], [1.0, 2.0], [1.0, 2.5]])
    assert (found.ours, found.peer) == (1.0, 2.0)
    assert (found.lower, found.ratio, found.upper) == (2.0, 2.0, 2.5)
    assert str(found).split() == ["1000", "2000", "2.00x", "(2.00-2.50)"]


@pytest.mark.parametrize(
    "seconds, text", [(1.23456, "1235"), (0.0123456, "12.3"), (1.23456e-5, "0.0123")]
)
def test_times_are_shown_with_three_digits(seconds, text):
    from _interleaved import in_ms

    assert in_ms(seconds) == text


def test_repeats_fill_the_time_within_limits():
    from _interleaved import _MOST, repeats_within

    assert repeats_within(0, [lambda: None], fewest=2) == 2
    assert repeats_within(60, [lambda: None]) == _MOST


def test_fits_are_of_the_data_that_their_rows_name():
    from bench_small import clusterings, supervised

    rows = [*clusterings(), *supervised()]
    labels = [(row.section, row.label) for row in rows]
    assert len(set(labels)) == len(rows) > 40
    for row in rows:
        X, y = row.data()
        assert re.search(r"\b(\d+)x(\d+)\b", row.label).groups() == tuple(map(str, X.shape))
        assert X.shape[0] <= 10_000
        assert sparse.issparse(X) == ("CSR" in row.label)
        assert (X.dtype == np.float32) == ("float32" in row.label)
        assert y is None or len(y) == X.shape[0]
        named = re.match(r"(\w+) / (\w+)", row.section).groups()
        assert named == (type(row.ours).__name__, type(row.peer).__name__)
        if y is None:
            k = int(re.search(r"k=(\d+)", row.label)[1])
            assert row.ours.n_clusters == row.peer.n_clusters == k


def test_a_fit_is_measured_with_what_it_is_worth():
    from bench_small import clusterings, supervised

    kmeans = next(iter(clusterings()))
    comparison, ours, peer = kmeans.measured(0, time.perf_counter)
    assert comparison.ratio > 0
    assert 0 < ours <= peer * 1.01
    adaline = next(row for row in supervised() if row.label == "wine 178x13")
    _, ours, peer = adaline.measured(0, time.perf_counter)
    assert 90 < ours <= 100
    assert 90 < peer <= 100


def test_both_sides_predict_the_same_from_the_same_centres_or_weights():
    from bench_small import predictions

    rows = list(predictions())
    assert len({row.label for row in rows}) == len(rows)
    for row in rows:
        X = row.data()[:50]
        ours, theirs = (getattr(model, row.method)(X) for model in row.models())
        assert ours.shape == theirs.shape
        if row.label.startswith(("KMeansPP", "Adaline")) and row.method == "predict":
            assert np.array_equal(ours, theirs)
        if row.label.startswith("LMS") or row.method == "transform":
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_first_uses_fit_both_sides_to_the_form_that_their_rows_name(tmp_path):
    from _first_use_child import estimator, read
    from bench_first_use import rows, saved

    seen = set()
    for label, ours, peer, X, y in rows():
        name, form = re.match(r"(\w+), \w+ (\w+)", label).groups()
        seen.add(name)
        assert type(estimator(*ours)).__name__ == name
        assert peer[0] == "keras" or hasattr(estimator(*peer), "fit")
        found = [read(file) for file in saved(tmp_path, X, y)]
        assert sparse.issparse(found[0]) == (form == "CSR")
        assert found[0].dtype == ("float64" if form == "CSR" else form)
        assert found[0].shape[0] == len(found[1])
    assert len(seen) == 6


def test_a_first_use_times_its_parts(tmp_path):
    from bench_first_use import compiled, saved, start

    files = saved(tmp_path, np.eye(4), np.arange(4))
    parts = start(("sklearn.linear_model", "SGDRegressor", {}), files, tmp_path / "cache")
    assert list(parts) == ["start", "imports", "first", "second"]
    assert parts["start"] > parts["imports"] + parts["first"]
    assert min(parts.values()) > 0
    assert compiled(tmp_path / "cache") == 0


def test_a_first_use_that_fails_says_why(tmp_path):
    from bench_first_use import saved, start

    files = saved(tmp_path, np.eye(4), np.full(4, np.nan))
    with pytest.raises(RuntimeError, match="Input y contains NaN"):
        start(("sklearn.linear_model", "SGDRegressor", {}), files, tmp_path)


def test_the_child_prints_json_after_its_first_fit(tmp_path, capsys):
    from _first_use_child import main
    from bench_first_use import saved

    files = saved(tmp_path, np.eye(4), np.arange(4))
    main("sklearn.linear_model", "SGDRegressor", '{"random_state": 0}', *files)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "fitted"
    assert set(json.loads(second)) == {"imports", "first", "second"}


def test_peers_answer_from_processes_of_their_own(tmp_path):
    from _kmeans_peers import PEERS, Process
    from bench_kmeans_peers import inertia

    X = np.random.default_rng(0).random((300, 3))
    np.save(tmp_path / "X.npy", X)
    peer = next(peer for peer in PEERS if peer.name == "KMeans")
    process = Process(peer, tmp_path / "X.npy", 4, 1)
    try:
        answer = process.fit(0, limit=60)
        assert 0 < answer.trained <= answer.labelled
        fitted = peer.train(X, 4, 0)
        np.testing.assert_allclose(answer.centers, fitted.cluster_centers_)
        np.testing.assert_allclose(inertia(X, answer.centers), fitted.inertia_)
    finally:
        process.close()


def test_a_peer_that_takes_too_long_is_not_asked_again(tmp_path):
    from _kmeans_peers import PEERS, Process

    np.save(tmp_path / "X.npy", np.random.default_rng(0).random((300_000, 8)))
    peer = next(peer for peer in PEERS if peer.name == "KMeans")
    process = Process(peer, tmp_path / "X.npy", 30, 1)
    try:
        assert process.fit(0, limit=0.01) == process.fit(1, limit=60) == "more than 0.01 s"
    finally:
        process.close()


def test_a_peer_that_fails_says_why(tmp_path):
    from _kmeans_peers import PEERS, Process

    np.save(tmp_path / "X.npy", np.full((10, 2), np.nan))
    process = Process(PEERS[0], tmp_path / "X.npy", 4, 1)
    try:
        assert "NaN" in process.fit(0, limit=60)
    finally:
        process.close()


def test_hard_sets_are_as_large_as_their_names_tell():
    from _kmeans_sets import HARD

    for name, (data, k) in HARD.items():
        X = data()
        n, d = re.search(r"(\S+)x(\d+)", name).groups()
        assert X.shape == (int(float(n)), int(d))
        assert np.isfinite(X).all()
        assert len(np.unique(X[:50_000], axis=0)) > k
