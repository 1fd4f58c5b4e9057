"""Every estimator on the rough days: callbacks, threads, processes, interrupts, global state."""

import os
import random
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pytest
from ecosystem_cases import (
    ESTIMATORS,
    ITERATIVE,
    LONG,
    X,
    assert_same,
    fitted,
    new,
    outputs,
    target,
)
from sklearn.base import is_classifier, is_regressor
from sklearn.callback import ProgressBar, ScoringMonitor  # noqa: TID251
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from skextra import _callbacks
from skextra._common import _blas_limit

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:The estimator MinMaxScaler does not support callbacks"),
]
EVERY = list(ESTIMATORS)


class Listener:
    """Counts what it hears; asks for a stop, or raises, at a step of the fit."""

    def __init__(self, stop_at=None, error=None):
        self.stop_at, self.error, self.begun, self.ended = stop_at, error, 0, 0

    def setup(self, *args, **kwargs):
        pass

    teardown = setup

    def on_fit_task_begin(self, estimator, context):
        self.begun += 1

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.ended += 1
        if self.stop_at is None or self.ended < self.stop_at or context.parent is None:
            return False
        if self.error is not None:
            raise self.error
        return True


@pytest.mark.parametrize("name", ITERATIVE)
def test_callbacks_change_nothing_and_may_stop(name, at_scale):
    quiet = fitted(name, **LONG[name])
    listener = Listener()
    heard = new(name, **LONG[name]).set_callbacks(listener).fit(X, target(name))
    assert_same(quiet, heard)
    assert listener.begun == listener.ended > 3
    stopped = Listener(stop_at=2)
    early = new(name, **LONG[name]).set_callbacks(stopped).fit(X, target(name))
    assert stopped.begun == stopped.ended < listener.ended
    assert all(np.isfinite(values).all() for values in outputs(early).values())


@pytest.mark.parametrize("name", ITERATIVE)
def test_progress_bars_and_monitors_in_nests(name, capsys):
    y = None if name == "KMeansPP" else target(name)
    piped = make_pipeline(MinMaxScaler(), new(name)).set_callbacks(ProgressBar())
    piped.fit(X, y)
    assert name in capsys.readouterr().out
    parameter = {"KMeansPP": "n_clusters", "FeatureMapSVM": "n_components"}.get(name)
    grid = {parameter: [3, 4]} if parameter else {"random_state": [0, 1]}
    search = GridSearchCV(new(name), grid, cv=2, error_score="raise")
    search.set_callbacks(ProgressBar()).fit(X, y)
    assert "GridSearchCV" in capsys.readouterr().out
    if is_classifier(new(name)) or is_regressor(new(name)):
        monitor = ScoringMonitor(scoring="accuracy" if is_classifier(new(name)) else "r2")
        new(name, **LONG[name]).set_callbacks(monitor).fit(X, y)
        assert len(monitor.get_logs().data) > 0


# What CNNClassifier does, which keeps the network after the last whole epoch, is in
# test_cnn_system.py.
@pytest.mark.parametrize("name", [name for name in ITERATIVE if name != "CNNClassifier"])
def test_interrupt_leaves_what_was(name, at_scale):
    """Ctrl-C in the middle of a fit, first of a new estimator and then of a fitted one."""
    model = new(name, **LONG[name]).set_callbacks(Listener(2, KeyboardInterrupt()))
    before = fitted(name)
    refitted = fitted(name).set_params(**LONG[name])
    refitted.set_callbacks(Listener(2, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, target(name))
    assert not [attribute for attribute in vars(model) if attribute.endswith("_")]
    with pytest.raises(KeyboardInterrupt):
        refitted.fit(X[::2], target(name)[::2])
    assert_same(refitted, before)


@pytest.mark.parametrize("name", [*EVERY, "BLAS"])
def test_ctrl_c_at_any_moment(name):
    run_beside("interrupts.py", name)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep to such limits")
@pytest.mark.parametrize("name", [name for name in EVERY if name != "CNNClassifier"])
def test_too_little_memory_leaves_what_was(name):
    run_beside("limited.py", name)


def run_beside(script, name):
    """Run a script of this folder, which says good in the end, in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), name],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.stdout.strip().endswith("good"), done.stderr


@pytest.mark.parametrize("name", EVERY)
def test_eight_threads_get_what_one_gets(name):
    def fit(seed):
        changes = {"random_state": seed} if "random_state" in new(name).get_params() else {}
        return fitted(name, **changes)

    one_by_one = [fit(seed) for seed in range(8)]
    with joblib.parallel_config("threading", n_jobs=8):
        at_once = joblib.Parallel()(joblib.delayed(fit)(seed) for seed in range(8))
    for alone, beside in zip(one_by_one, at_once, strict=True):
        assert_same(alone, beside)


@pytest.mark.parametrize("name", [name for name in EVERY if name != "CNNClassifier"])
def test_results_do_not_depend_on_the_number_of_threads(name):
    wide = np.tile(X, (40, 1))
    found = []
    for threads in (1, 2, 5):
        with threadpool_limits(threads):
            model = new(name)
            if "n_jobs" in model.get_params():
                model.set_params(n_jobs=threads)
            found.append(model.fit(wide, np.tile(target(name), 40)))
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])


CHILD = """
import sys, joblib, multiprocessing as mp
import numpy as np
sys.path.insert(0, {tests!r})
from ecosystem_cases import X, fitted, outputs

NAMES = {names!r}

def digest(name):
    values = outputs(fitted(name), X)
    return name, {{method: value.tolist() for method, value in values.items()}}

if __name__ == "__main__":
    here = dict(map(digest, NAMES))
    with mp.get_context({method!r}).Pool(2) as pool:
        there = dict(pool.map(digest, NAMES))
    assert here == there
    print("same")
"""


@pytest.mark.parametrize(
    "method, names",
    [
        ("fork", [name for name in EVERY if name != "CNNClassifier"]),
        ("forkserver", [name for name in EVERY if name != "CNNClassifier"]),
        ("spawn", EVERY),
    ],
)
def test_processes_get_what_one_gets(method, names, tmp_path):
    if sys.platform == "win32" and method != "spawn":
        pytest.skip("there is no fork")
    script = tmp_path / "child.py"
    tests = str(Path(__file__).parent)
    script.write_text(CHILD.format(tests=tests, names=names, method=method), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.stdout.strip().endswith("same"), done.stderr


FORK = """
import os, threading
from threadpoolctl import threadpool_info
from skextra._common._blas_limit import single_blas_thread

def threads():
    return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]

import sklearn.cluster
before, inside, done = threads(), threading.Event(), threading.Event()

def fit():
    with single_blas_thread():
        inside.set()
        done.wait()

fitting = threading.Thread(target=fit)
fitting.start()
inside.wait()
assert set(threads()) == {1}
if os.fork() == 0:
    held = []

    def fit_in_child():
        with single_blas_thread():
            held.extend(threads())

    child = threading.Thread(target=fit_in_child)
    child.start()
    child.join()
    fit_in_child()
    os._exit(0 if set(held) == {1} and threads() == before else 1)
code = os.waitstatus_to_exitcode(os.wait()[1])
done.set()
fitting.join()
assert code == 0 and threads() == before, (code, threads(), before)
print("good")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_forked_during_a_fit_has_all_threads():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "good", done.stderr


def test_a_fit_that_was_lost_holds_nothing_for_ever():
    before = world()
    limit = _blas_limit._BlasLimit()
    limit.acquire(_blas_limit._Token())  # the token is gone at once
    token = _blas_limit._Token()
    limit.acquire(token)
    limit.release(token)
    assert world() == before


def test_every_fit_of_many_has_one_blas_thread():
    """threadpoolctl leaves the setting to one thread, until that has given it up."""
    blas = ThreadpoolController().select(user_api="blas")
    before = blas.info()
    for _ in range(300):
        with _blas_limit.single_blas_thread():
            assert all(library.num_threads == 1 for library in blas.lib_controllers)
    assert blas.info() == before


def world():
    """Return what a fit must leave alone."""
    return (
        random.getstate(),
        repr(np.random.get_state()),  # noqa: NPY002
        dict(os.environ),
        list(warnings.filters),
        np.geterr(),
        [(info["filepath"], info["num_threads"]) for info in threadpool_info()],
    )


@pytest.mark.parametrize("name", EVERY)
def test_nothing_global_is_changed_by_a_fit_or_a_failure(name, at_scale):
    model = fitted(name)  # what it loads is loaded
    before = world()
    outputs(model.fit(X, target(name)))
    assert world() == before
    with pytest.raises((ValueError, TypeError)):
        new(name).fit(np.full((3, 9), np.nan), target(name)[:3])
    assert world() == before
    if name in ITERATIVE:
        interrupted = new(name, **LONG[name]).set_callbacks(Listener(2, KeyboardInterrupt()))
        with suppress(KeyboardInterrupt):  # which ends a fit of CNNClassifier after the epoch
            interrupted.fit(X, target(name))
        assert world() == before


@pytest.mark.parametrize("name", ITERATIVE)
def test_nobody_is_told_of_epochs_if_nobody_listens(name, monkeypatch):
    told = []
    monkeypatch.setattr(_callbacks.EpochReporter, "_close", lambda *args: told.append(args))
    new(name).fit(X, target(name))
    assert not told
