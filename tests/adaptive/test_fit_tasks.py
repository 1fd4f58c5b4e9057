"""Fits of LMSRegressor that are watched, stopped or interrupted."""

import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.callback import ProgressBar, ScoringMonitor  # noqa: TID251
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skextra import LMSRegressor


def test_callbacks_see_every_epoch_and_may_stop_it(capsys):
    X, y = load_diabetes(return_X_y=True)
    monitor = ScoringMonitor(scoring="neg_mean_squared_error")
    model = LMSRegressor(max_iter=5, tol=None).set_callbacks(monitor)
    make_pipeline(StandardScaler(), model).fit(X, y)
    log = monitor.get_logs().data
    scores = [row["neg_mean_squared_error"] for row in log if row["task_name"] == "epoch"]
    assert_allclose(scores, -model.loss_curve_, rtol=1e-10)

    class Stop:
        setup = teardown = lambda *args, **kwargs: None
        begun = ended = 0

        def on_fit_task_begin(self, estimator, context):
            self.begun += 1

        def on_fit_task_end(self, estimator, context):
            self.ended += 1
            return context.task_id == self.last

    callback = Stop()
    callback.last = 1
    stopped = LMSRegressor().set_callbacks(callback).fit(X, y)
    assert stopped.n_iter_ == 2
    assert callback.begun == callback.ended == 3  # two epochs and the fit
    callback.begun = callback.ended = 0
    callback.last = None
    converged = LMSRegressor().set_callbacks(callback).fit(StandardScaler().fit_transform(X), y)
    assert callback.begun == callback.ended == converged.n_iter_ + 1
    grid = GridSearchCV(LMSRegressor(tol=None, max_iter=3), {"average": [True, False]}, cv=2)
    grid.set_callbacks(ProgressBar()).fit(X, y)
    assert "LMSRegressor" in capsys.readouterr().out


def test_interrupting_a_fit_loses_nothing():
    X, y = load_diabetes(return_X_y=True)

    class Interrupt:
        setup = teardown = on_fit_task_begin = lambda *args, **kwargs: None

        def on_fit_task_end(self, estimator, context):
            raise KeyboardInterrupt

    model = LMSRegressor().fit(X, y)
    before = model.coef_
    model.set_callbacks(Interrupt())
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, 2 * y)
    assert_array_equal(model.coef_, before)
