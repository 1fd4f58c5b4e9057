"""What tells functions, callbacks and with them the checkpoints of trainings apart."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from cnn_cases import SMALL
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn._training._identity import fingerprint

X, Y = load_digits(return_X_y=True)
X, Y = (X / 16).astype(np.float32)[:100], Y[:100]


def made(source, name="f"):
    """Return what a piece of code calls by a name."""
    space = {"__name__": "mine", "np": np, "keras": keras, "partial": partial}
    exec(source, space)
    return space[name]


ALIKE = [
    "def f(x): return x + {}",
    "def f(x, y={}): return x",
    "def f(x, *, y={}): return x",
    "f = lambda x: [x, {}]",
    "RATE = {}\ndef f(x): return x * RATE",
    "def help(x): return {}\ndef f(x): return help(x)",
    "def outer(y):\n    def f(x): return x + y\n    return f\nf = outer({})",
    "f = partial(max, {})",
    "class f:\n    def __init__(self): self.x = 0\n    def g(self): return {}",
    "class g:\n    def h(self): return {}\nclass f(g): pass",
    "class g:\n    def __init__(self, x): self.x = x\nf = g({})",
    "class g:\n    def __init__(self, x): self.x = lambda: x\nf = g({})",
    "f = [1, (2, np.array([{}]))]",
    "f = {{'a': {}, 'b': {{1, 2}}}}",
    "f = keras.optimizers.schedules.ExponentialDecay({}, 10, 0.9)",
]


@pytest.mark.parametrize("source", ALIKE)
def test_code_and_contents_count_and_names_do_not(source):
    one, again, other = (fingerprint(made(source.format(value))) for value in (1, 1, 2))
    assert one == again
    assert one != other


def test_what_refers_to_itself_and_what_cannot_be_looked_into():
    endless = [1]
    endless.append(endless)
    assert fingerprint(endless) == fingerprint(endless)
    with Path(__file__).open() as file:
        assert fingerprint([file]) != fingerprint([1])


def test_descriptions_do_not_depend_on_the_process():
    code = (
        "import keras; from skextra.cnn._training._identity import fingerprint\n"
        "def f(x): return x in {'a', 'b', 'c'}\n"
        "print(fingerprint([f, {'d', 'e', 'g'}, vars(keras.callbacks.EarlyStopping())]))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in (1, 2)
    }  # fmt: skip
    assert len(said) == 1


def test_callbacks_that_differ_make_different_trainings(tmp_path):
    Scheduler, Stopping = keras.callbacks.LearningRateScheduler, keras.callbacks.EarlyStopping
    makers = [
        partial(Scheduler, lambda epoch, rate: 1e-8),
        partial(Scheduler, lambda epoch, rate: 1e-1),
        partial(Stopping, "loss", patience=5),
        partial(Stopping, "loss", patience=6),
    ]
    for _ in range(2):
        for make in makers:
            alone = CNNClassifier(**SMALL, callbacks=[make()]).fit(X, Y)
            kept = CNNClassifier(**SMALL, callbacks=[make()], checkpoint=tmp_path).fit(X, Y)
            assert kept.loss_curve_.tolist() == alone.loss_curve_.tolist()
        assert len(list(tmp_path.iterdir())) == len(makers)


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        CNNClassifier(**SMALL, checkpoint=tmp_path).fit(X, Y)
    assert not list(tmp_path.iterdir())
