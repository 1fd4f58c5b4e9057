"""What TensorFlow writes as it starts does not stand between the tour and its table."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
sys.path.append(str(EXAMPLES))

from tensorflow_log import without_chatter  # noqa: E402

FIT = (
    "from skextra import CNNClassifier\n"
    "from tensorflow_log import without_chatter\n"
    "X = [[0.1 * (i % 5 + j % 3) for j in range(9)] for i in range(20)]\n"
    "with without_chatter():\n"
    "    CNNClassifier(2, epochs=1, batch_size=8).fit(X, [0, 1] * 10)\n"
)
CHATTER = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795877647.275066 811 port.cc:153] oneDNN custom operations are on.",
    "2026-01-02 03:04:05.678901: I tensorflow/core/util/port.cc:153] oneDNN custom operations",
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow",
    "E0000 00:00:1795877651.167604 811 cuda_platform.cc:52] failed call to cuInit: INTERNAL",
    "2026-01-02 03:04:05.678901: E x/cuda_fft.cc:477] Unable to register cuFFT factory: Attempt",
    "W0000 00:00:1795877651.1 8 computation_placer.cc:177] computation placer already registered.",
]
NEWS = [
    "2026-01-02 03:04:05.678901: E tensorflow/core/x.cc:1] The library is broken",
    "W0000 00:00:1795877651.167604 811 gpu_device.cc:2344] Cannot dlopen some GPU libraries.",
    "Traceback (most recent call last):",
]


def stderr_of(code, **environment):
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**kept, **environment},
        cwd=EXAMPLES,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_first_fit_writes_nothing():
    assert stderr_of(FIT) == ""


def test_level_that_the_user_has_set_is_left_to_tensorflow():
    assert "oneDNN custom operations" in stderr_of(FIT, TF_CPP_MIN_LOG_LEVEL="0")


def test_errors_after_the_first_fit_are_shown():
    error = "import tensorflow as tf\ntry:\n    tf.io.read_file('/none')\nexcept Exception: pass\n"
    assert "/none; No such file or directory" in stderr_of(FIT + error)


def test_fit_needs_no_stderr():
    stderr_of("import os\nos.close(2)\n" + FIT)
    stderr_of("import sys\nsys.stderr = None\n" + FIT)


def test_only_chatter_is_withheld(monkeypatch, capfd):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    with without_chatter():
        for line in (*CHATTER, *NEWS):
            os.write(2, f"{line}\n".encode())
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err.splitlines() == NEWS


def test_errors_leave_stderr_as_it_was(monkeypatch, capfd):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)

    @without_chatter()
    def import_a_broken_library():
        os.write(2, b"undefined symbol")
        raise ImportError

    with pytest.raises(ImportError):
        import_a_broken_library()
    os.write(2, b", said the loader")
    assert capfd.readouterr().err == "undefined symbol, said the loader"
