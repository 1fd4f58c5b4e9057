"""Files from elsewhere: nothing in them is run, and what was made to do harm is refused."""

import ast
import zipfile
from contextlib import suppress
from pathlib import Path

import keras
import pytest
from cnn_cases import SMALL
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import load_model

PACKAGE = Path(__file__).parents[1] / "skextra"
# What runs, or reads as code, what it is given.
DANGEROUS = {"cPickle", "dill", "marshal", "shelve", "subprocess"}
CALLS = {"eval", "exec", "compile", "__import__"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    X, y = load_digits(return_X_y=True)
    path = tmp_path_factory.mktemp("files") / "good.keras"
    CNNClassifier(**SMALL).fit(X[:100] / 16, y[:100]).save(path)
    return path


def members_of(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


# What builds the package runs a compiler, and is not part of it.
INSTALLED = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "ahead")


@pytest.mark.parametrize("path", INSTALLED, ids=lambda path: path.name)
def test_nothing_unpickles_or_evaluates(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not names & DANGEROUS, names
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in CALLS
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            whose = node.value.id, node.attr
            assert whose[0] not in ("pickle", "joblib") or whose[1] not in ("load", "loads")
        if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "safe_mode"):
            assert getattr(node.value, "value", None) is (node.arg == "safe_mode")


def test_a_lambda_layer_is_refused(tmp_path):
    layers = [keras.Input((3,)), keras.layers.Lambda(lambda x: x, output_shape=(3,))]
    path = tmp_path / "lambda.keras"
    keras.Sequential(layers).save(path)
    with pytest.raises(ValueError, match=r"cannot be read: .*[Ll]ambda"):
        load_model(path)


@pytest.mark.parametrize("load", [CNNClassifier.load, load_model])
def test_a_bomb_is_refused(load, saved, tmp_path):
    members = members_of(saved)
    bomb = write(tmp_path / "bomb.keras", {**members, "model.weights.h5": bytes(300_000_000)})
    assert bomb.stat().st_size < 1_000_000
    with pytest.raises(ValueError, match="would unpack to 300,"):
        load(bomb)


@pytest.mark.filterwarnings("ignore:Skipping invalid path:UserWarning")
@pytest.mark.parametrize("load", [CNNClassifier.load, load_model])
def test_no_file_is_written_outside(load, saved, tmp_path):
    inside = tmp_path / "deep" / "deeper"
    inside.mkdir(parents=True)
    evil = {"../../evil.txt": b"x", "assets/../../evil.txt": b"x", "/tmp/evil_skextra.txt": b"x"}
    with suppress(ValueError):  # some versions of Keras refuse the whole file
        load(write(inside / "evil.keras", {**members_of(saved), **evil}))
    assert not list(tmp_path.rglob("evil.txt"))
    assert not Path("/tmp/evil_skextra.txt").exists()


def test_a_network_that_starts_from_zeros_is_no_bomb(tmp_path):
    X, y = load_digits(return_X_y=True)
    dull = CNNClassifier((), dense_units=2000, kernel_initializer="zeros", epochs=1)
    dull.fit(X[:20] / 16, y[:20]).save(tmp_path / "dull.keras")
    assert CNNClassifier.load(tmp_path / "dull.keras").n_iter_ == 1
