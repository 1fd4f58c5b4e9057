"""Archive: a fitted classifier in a `.keras` file, as numbers and text."""

import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from skextra.cnn._keras import values_of
from skextra.cnn._models._zip import check_size
from skextra.cnn._network._images import as_shape
from skextra.cnn._network._layers import plan_of
from skextra.cnn._network._pixels import is_scale
from skextra.cnn._parameters import check_parameters

_MEMBER = "skextra.json"
_FORMAT = 1
_DEFLATED = {"compression": zipfile.ZIP_DEFLATED, "compresslevel": 6}
# Bytes of the description: more than any list of labels needs, and less than fills a memory.
_LARGEST = 64 * 1024 * 1024
# Names of fitted attributes, and what they must be.
_FITTED = {
    "image_shape_": lambda value: as_shape(value) == value,
    "history_": lambda value: all(_are_numbers(losses) for losses in value.values()),
    "n_iter_": lambda value: _is_count(value),
    "n_features_in_": lambda value: _is_count(value),
    "_guessed": lambda value: isinstance(value, bool),
    "_scale": is_scale,
    "_dtype": lambda value: value in ("float32", "float64"),
    "_seed": lambda value: _is_count(value),
    "_epochs_seen": lambda value: _is_count(value),
}
# Of the machine and the process in which they were set.
_LOCAL = ("build", "callbacks", "checkpoint")


def _is_count(value):
    return isinstance(value, int) and value >= 0


def _are_numbers(values):
    return isinstance(values, list) and all(isinstance(value, float) for value in values)


def save_archive(cnn, path):
    """Write a fitted classifier; raise ValueError if a part of it is neither text nor numbers."""
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"path={str(path)!r} must end in '.keras'.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path={str(path)!r} is in a folder that does not exist; make it.")
    if not cnn.weights_:
        raise ValueError("There is no network to save: y had one class; use pickle or skops.")
    design = cnn._design
    plan, _ = plan_of(cnn, design.image_shape, design.guessed)
    if plan != design.plan or cnn.build is not design.build:
        raise ValueError(
            "A parameter of the layers has changed since the network was fitted; set it back, or "
            "fit again before saving."
        )
    parameters, fitted = cnn.get_params(deep=False), cnn.__getstate__()
    state = {
        "format": _FORMAT,
        "parameters": {
            name: _text(name, value) for name, value in parameters.items() if name not in _LOCAL
        },
        "built": cnn.build is not None,
        "config": design.config,
        "classes": _text("classes_", cnn.classes_),
        "fitted": {name: _text(name, fitted[name]) for name in _FITTED},
        "names": getattr(cnn, "feature_names_in_", np.array([])).tolist(),
    }
    text = json.dumps(state)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        plain, part = Path(folder, "plain.keras"), Path(folder, "part")
        cnn.model_.save(plain)
        # Keras compresses nothing, and its weights come with some 25 kB of zeros.
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(part, "w", **_DEFLATED) as file:
            for member in source.infolist():
                file.writestr(member.filename, source.read(member))
            file.writestr(_MEMBER, text)
        os.replace(part, path)


def load_archive(cls, path, build):
    """Return the classifier in a file; raise ValueError if there is none."""
    path = Path(path)
    try:
        check_size(path)
        with zipfile.ZipFile(path) as file:
            if file.getinfo(_MEMBER).file_size > _LARGEST:
                raise ValueError(f"{str(path)!r} holds a description that is too large.")
            state = json.loads(file.read(_MEMBER))
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{str(path)!r} was not written by CNNClassifier.save; a plain Keras model is read "
            "with keras.models.load_model, a compressed one with skextra.cnn.load_model."
        ) from error
    try:
        if state["format"] != _FORMAT:
            raise ValueError(f"format {state['format']} is not {_FORMAT}.")
        if state["built"] and build is None:
            raise ValueError("its build is not in the file; pass it as load(path, build=...).")
        return _read(cls, state, path, build if state["built"] else None)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{str(path)!r} cannot be loaded: {error}") from error


def _read(cls, state, path, build):
    parameters = {name: _value(value) for name, value in state["parameters"].items()}
    cnn = cls(**parameters, build=build)
    check_parameters(cnn)
    fitted = {}
    for name, is_right in _FITTED.items():
        fitted[name] = _value(state["fitted"][name])
        if not is_right(fitted[name]):
            raise ValueError(f"{name}={fitted[name]!r} is not valid.")
    fitted["classes_"] = _value(state["classes"])
    if state["names"]:
        fitted["feature_names_in_"] = np.array(state["names"], dtype=object)
    # The layers are laid out from the parameters again: what the file says of them is not run.
    plan, l2 = plan_of(cnn, fitted["image_shape_"], fitted["_guessed"])
    # Where they were changed after the fit, Keras lays them out, in safe mode.
    config = None if state["config"] is None else str(state["config"])
    design = {"_plan": plan, "_l2": l2, "_build": build, "_config": config}
    cnn.__setstate__({**vars(cnn), **fitted, **design})
    model = cnn._design.model()
    if config is not None and model.output_shape[1:] != (len(cnn.classes_),):
        raise ValueError("its network does not have an output for each class.")
    try:
        model.load_weights(path)
    except Exception as error:
        raise ValueError(f"its weights do not go with its parameters: {error}") from error
    cnn.weights_ = values_of(model.weights)
    return cnn


def _text(name, value):
    """Return a value as what JSON holds, tuples and arrays told apart from lists."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return _text(name, value.item())
    if isinstance(value, np.ndarray):
        items = [_text(name, item) for item in value.tolist()]
        return {"array": items, "dtype": value.dtype.str}
    if isinstance(value, tuple):
        return {"tuple": [_text(name, item) for item in value]}
    if isinstance(value, list):
        return [_text(name, item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[_text(name, part) for part in pair] for pair in value.items()]}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise ValueError(
        f"{name}={value!r} cannot be written as text; set it to something plain, or use pickle or "
        "skops."
    )


def _value(text):
    if isinstance(text, list):
        return [_value(item) for item in text]
    if not isinstance(text, dict):
        return text
    kind, items = next(iter(text.items()))
    if kind == "tuple":
        return tuple(_value(item) for item in items)
    if kind == "array":
        return np.array([_value(item) for item in items], dtype=np.dtype(text["dtype"]))
    return {_value(key): _value(item) for key, item in items}
