"""TappedDelayLine: right lags, no copies, and a filter behind it that works."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import lfilter
from sklearn.pipeline import make_pipeline

from skextra import LMSRegressor, TappedDelayLine
from skextra._adaptive._rows import as_rows


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("n_taps", [1, 4, 30])
def test_row_t_holds_the_last_samples_newest_first(channels, n_taps):
    x = np.random.default_rng(0).standard_normal((20, channels))
    rows = TappedDelayLine(n_taps=n_taps).fit_transform(x)
    for t in range(20):
        for lag in range(n_taps):
            expected = x[t - lag] if t >= lag else np.zeros(channels)
            assert_array_equal(rows[t, lag * channels : (lag + 1) * channels], expected)


def test_rows_overlap_in_memory_and_are_adapted_on_without_a_copy():
    x = np.random.default_rng(0).standard_normal((1000, 2))
    rows = TappedDelayLine(n_taps=50).fit_transform(x)
    assert not rows.flags.writeable
    assert np.shares_memory(as_rows(rows, 1.0).strided[0], rows)
    assert as_rows(rows, 1.0).strided[0].size == (1000 + 49) * 2
    y = rows[:, 0] - 0.5 * rows[:, 3]
    viewed = LMSRegressor(variant="nlms", tol=None, max_iter=3).fit(rows, y)
    copied = LMSRegressor(variant="nlms", tol=None, max_iter=3).fit(rows.copy(), y)
    assert_array_equal(viewed.coef_, copied.coef_)


def test_the_input_is_left_alone():
    x = np.ones((5, 1))
    TappedDelayLine(n_taps=3).fit_transform(x)
    assert_array_equal(x, np.ones((5, 1)))


def test_filter_behind_it_finds_the_impulse_response():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5000, 1))
    response = np.array([1.0, -0.5, 0.25, 0.1])
    y = lfilter(response, [1.0], x[:, 0])
    for variant in ("lms", "nlms", "rls", "wiener"):
        model = make_pipeline(
            TappedDelayLine(n_taps=4), LMSRegressor(variant=variant, fit_intercept=False)
        ).fit(x, y)
        assert_allclose(model[-1].coef_, response, atol=1e-4)


def test_feature_names_say_channel_and_lag():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"left": [1.0, 2.0], "right": [3.0, 4.0]})
    line = TappedDelayLine(n_taps=2).set_output(transform="pandas").fit(frame)
    out = line.transform(frame)
    assert list(out.columns) == ["left_lag0", "right_lag0", "left_lag1", "right_lag1"]
    assert_array_equal(out["left_lag1"], [0.0, 1.0])


@pytest.mark.parametrize("n_taps", [0, 2.0, "3"])
def test_bad_length_is_refused(n_taps):
    with pytest.raises((ValueError, TypeError), match="n_taps"):
        TappedDelayLine(n_taps=n_taps).fit([[1.0]])
