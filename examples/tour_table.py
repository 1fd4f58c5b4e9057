"""The table of the tour: how estimators are compared, and how the rows are printed."""

import textwrap
import time
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GridSearchCV, cross_validate

LAYOUT = "{:<21} {:<25} {:>6} {:>6}  {:<15} {:>6} {:>6} {:>5}"
HEAD = ("estimator", "data, score", "score", "ms", "in scikit-learn", "score", "ms", "ratio")


@dataclass(frozen=True)
class Row:
    """One line of the table; times in seconds."""

    estimator: str
    data: str
    score: float
    fit_time: float
    peer: str
    peer_score: float
    peer_fit_time: float

    @property
    def ratio(self):
        """How many times as long the peer takes."""
        return self.peer_fit_time / self.fit_time


def evaluate(model, grid, X, y, folds, inner_folds=3):
    """Return (score, seconds for one fit) of a model whose parameters a grid search selects.

    The score is the mean over folds that the search has not used. The time is that of one more fit
    of the pipeline with the best parameters; the median over the folds.
    """
    model.fit(X, y)  # compiles, so that the times below do not include it
    search = GridSearchCV(model, grid, cv=inner_folds)
    results = cross_validate(search, X, y, cv=folds, return_estimator=True)
    times = [fitted.refit_time_ for fitted in results["estimator"]]
    return float(np.mean(results["test_score"])), float(np.median(times))


def compare(data, ours, peer, X, y, folds, inner_folds=3):
    """Return the row for (name, model, grid) of ours and of the peer on the same folds."""
    name, model, grid = ours
    peer_name, peer_model, peer_grid = peer
    score, seconds = evaluate(model, grid, X, y, folds, inner_folds)
    peer_score, peer_seconds = evaluate(peer_model, peer_grid, X, y, folds, inner_folds)
    return Row(name, data, score, seconds, peer_name, peer_score, peer_seconds)


def compare_large(data, ours, peer, samples, score=lambda model, X, y: model.score(X, y)):
    """Return the row for (name, model) of ours and of the peer on data of the size it is made for.

    Both are fitted twice, in turn, without a search. The second fits are timed: the first compile.
    `samples` are (X, X_test, y, y_test).
    """
    X, X_test, y, y_test = samples
    seconds = {}
    for _ in range(2):
        for name, model in (ours, peer):
            began = time.perf_counter()
            model.fit(X, y)
            seconds[name] = time.perf_counter() - began
    columns = [(name, score(model, X_test, y_test), seconds[name]) for name, model in (ours, peer)]
    (name, *results), (peer_name, *peer_results) = columns
    return Row(name, data, *results, peer_name, *peer_results)


def print_table(rows):
    """Print the rows, and where scikit-learn is faster."""
    head = LAYOUT.format(*HEAD)
    print(head)
    print("-" * len(head))
    for row in rows:
        cells = (
            row.estimator,
            row.data,
            f"{row.score:.3f}",
            _in_ms(row.fit_time),
            row.peer,
            f"{row.peer_score:.3f}",
            _in_ms(row.peer_fit_time),
            f"{row.ratio:.2g}",
        )
        print(LAYOUT.format(*cells))
    print(
        "\nScore: on samples that neither fit nor search has seen, except the inertia (/ 1e6), "
        "where less is\nbetter. ms: one fit, on one thread (TensorFlow has its own). "
        "Ratio: scikit-learn's time / ours."
    )
    for line in where_scikit_learn_is_faster(rows):
        print(line)


def where_scikit_learn_is_faster(rows):
    """Return lines that name the rows in which the peer is faster, apart where it is as good."""
    faster = [row for row in rows if row.ratio < 1]
    lines = []
    for verdict, as_good in (("and no less accurate", True), ("and less accurate", False)):
        names = [
            f"{r.peer} on {r.data.rpartition(',')[0]}" for r in faster if _is_as_good(r) == as_good
        ]
        if names:
            line = f"scikit-learn is faster here, {verdict}: {'; '.join(names)}."
            lines += textwrap.wrap(line, 100)
    return lines


def _in_ms(seconds):
    return f"{1e3 * seconds:.{1 if seconds < 0.1 else 0}f}"


def _is_as_good(row):
    """Return whether the score of the peer is no worse than ours by more than half a percent."""
    lead = row.score - row.peer_score
    return (-lead if "inertia" in row.data else lead) <= 0.005 * abs(row.score)
