"""Networks where Keras or TensorFlow is missing, or where it is of no use: what is said."""

import os
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
from cnn_cases import SMALL
from sklearn.datasets import load_digits

from skextra import CNNClassifier

X, Y = load_digits(return_X_y=True)
X, Y = (X / 16).astype(np.float32)[:100], Y[:100]

CALLS = [
    "layer_table(cnn)",
    "feature_maps(cnn, X)",
    "weight_histograms(cnn)",
    "gradient_histograms(cnn, X, y)",
    "misclassified(cnn, X, y)",
    "fold_batch_norm(cnn)",
    "quantize_int8(cnn)",
    "cluster_weights(cnn)",
    "best_n_clusters(cnn)",
    "compare_networks(cnn, cnn)",
    "export_network(cnn, 'a.onnx')",
    "load_model('a.keras')",
]


@pytest.fixture(scope="module")
def pickled(tmp_path_factory):
    path = tmp_path_factory.mktemp("cnn") / "cnn.pkl"
    path.write_bytes(pickle.dumps(CNNClassifier(**SMALL).fit(X, Y)))
    return str(path)


def run_python(code):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "setup, message",
    [
        (
            "sys.modules['tensorflow'] = None",
            "{} needs tensorflow, which is not installed; run "
            '`pip install "skextra[tensorflow]"`.',
        ),
        (
            "sys.modules['keras'] = None",
            '{} needs keras, which is not installed; run `pip install "skextra[tensorflow]"`.',
        ),
        (
            "os.environ['KERAS_BACKEND'] = 'torch'",
            "{} computes with TensorFlow, but Keras runs on 'torch'; set the environment variable "
            "KERAS_BACKEND=tensorflow before Keras is first imported.",
        ),
    ],
)
def test_what_is_called_names_itself_where_keras_is_missing(setup, message, pickled):
    printed = run_python(
        f"import os, pickle, sys\n{setup}\n"
        "from skextra.cnn import *\n"
        f"cnn = pickle.load(open({pickled!r}, 'rb'))\n"
        "X, y = [[0.5] * 64] * 2, [0, 1]\n"
        f"for call in {[*CALLS, 'cnn.predict(X)']!r}:\n"
        "    try:\n"
        "        eval(call)\n"
        "    except (ImportError, RuntimeError) as error:\n"
        "        print(error)\n"
    )
    names = [*(call.partition("(")[0] for call in CALLS), "CNNClassifier"]
    assert printed.splitlines() == [message.format(name) for name in names]


def test_showing_a_fitted_network_builds_none(pickled):
    """Also where there is no TensorFlow to build one with."""
    printed = run_python(
        "import pickle, sys\n"
        f"cnn = pickle.load(open({pickled!r}, 'rb'))\n"
        "from sklearn.pipeline import make_pipeline\n"
        "for shown in (cnn, make_pipeline(cnn)):\n"
        "    page = shown._repr_html_() + shown._repr_mimebundle_()['text/html']\n"
        "    assert 'weights_' in page and 'history_' in page and 'loss_curve_' in page\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])\n"
        "sys.modules['tensorflow'] = None\n"
        "assert cnn._repr_html_()\n"
        "try:\n"
        "    cnn.model_\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    imported, error = printed.splitlines()
    assert imported == "[]"
    assert error.startswith("CNNClassifier needs tensorflow")


def test_model_is_listed_where_names_are_completed():
    """Completers look at the class too, so that `model_` is found by whoever types it."""
    cnn = CNNClassifier(**SMALL).fit(X, Y)
    assert "model_" in dir(CNNClassifier)
    assert "model_" not in dir(cnn)
    assert isinstance(cnn.model_, keras.Model)
    assert {"weights_", "loss_curve_", "predict"} <= set(dir(cnn))
