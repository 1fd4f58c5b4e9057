"""The gallery's pages run, and show the numbers of the problems that they solve."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def run(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def test_every_page_has_a_test():
    pages = {path.stem for path in EXAMPLES.glob("plot_*.py")}
    source = Path(__file__).read_text(encoding="utf-8")
    assert not {page for page in pages if f'run("{page}")' not in source}


def test_lms_lab():
    page = run("plot_lms_lab")
    assert page["X"].shape == (100, 3)
    assert_allclose(page["wiener"].coef_, [1, 1, -2], atol=5e-3)
    assert_allclose(page["wiener_mse"], 1e-4, rtol=0.2)
    floor = page["wiener_mse"]
    ends = [page["models"][rate].loss_curve_[-1] for rate in (0.005, 0.01, 0.05, 0.1, 0.5)]
    assert all(len(model.loss_curve_) == 20 for model in page["models"].values())
    assert floor < ends[0] < 1.01 * floor
    assert ends == sorted(ends)
    assert ends[-1] > 3 * floor
    assert page["loop_difference"] < 1e-12
    assert np.isinf(page["diverged"].loss_curve_[-1])
    assert "learning_rate=1;" in page["divergence_message"]
    assert page["stability"].guaranteed_bound < 0.5
    assert 0.5 < page["critical_rate"] < 1


def test_noise_cancelling():
    page = run("plot_noise_cancelling")
    assert page["snr_before"] < -10
    assert page["snr_after"] > 15


def test_system_identification():
    page = run("plot_system_identification")
    for name, tolerance in (("white", 0.1), ("coloured", 0.05)):
        assert_allclose(
            page["measured_decay"][name], page["predicted_decay"][name], rtol=tolerance
        )
    for key, predicted in page["predicted_misadjustment"].items():
        if key == ("coloured", 0.2):  # the bound of theory fails: bursts
            assert page["measured_misadjustment"][key] > 10 * predicted
        else:
            assert_allclose(page["measured_misadjustment"][key], predicted, rtol=0.25)


def test_tracking():
    page = run("plot_tracking")
    drift = {name: excess["drift"] for name, excess in page["excess_db"].items()}
    forgetful = [value for name, value in drift.items() if name != "RLS, no forgetting"]
    memory = drift["RLS, no forgetting"]
    assert max(forgetful) < -5 < 0 < memory


def test_adaline_logic():
    page = run("plot_adaline_logic")
    assert all(np.all(correct) for correct in page["hand_correct"].values())
    assert set(page["learnt_accuracy"].values()) == {1.0}
    accuracy = page["iris_accuracy"]
    assert accuracy[False, False] < 0.6 < 0.8 < accuracy[True, True]


def test_tour(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["tour.py", str(tmp_path)])
    runpy.run_path(str(EXAMPLES / "tour.py"), run_name="__main__")
    printed = capsys.readouterr().out
    for name in ("LMSRegressor", "Adaline", "SGDRegressor", str(tmp_path)):
        assert name in printed
    assert len(list(tmp_path.glob("*.png"))) >= 3
