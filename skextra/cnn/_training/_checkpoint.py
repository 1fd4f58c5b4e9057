"""Checkpoint: the state of a training in a file, from which the same training resumes."""

import hashlib
import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from skextra.cnn._keras import keras
from skextra.cnn._network._build import config_key
from skextra.cnn._network._rows import Rows
from skextra.cnn._training._identity import fingerprint

# Fields of TrainingState that hold arrays.
_LISTS = ("weights", "slots", "best_weights")


class Checkpoint:
    """The file of one training, named by a digest of all that determines its result. It is kept.

    Parameters
    ----------
    folder : str or path
        Created if it is missing.

    ingredients : iterable of bytes-like or str
        Data and parameters.
    """

    def __init__(self, folder, ingredients):
        digest = hashlib.sha256()
        for item in ingredients:
            item = item.encode() if isinstance(item, str) else np.ascontiguousarray(item)
            digest.update(str(memoryview(item).nbytes).encode())
            digest.update(item)
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"checkpoint={str(folder)!r} is no folder and cannot be created ({error}); name "
                "another."
            ) from error
        self._path = folder / f"cnn-{digest.hexdigest()[:24]}.npz"

    def read(self):
        """Return the last state written, None if there is none."""
        if not self._path.exists():
            return None
        try:
            with open(self._path, "rb") as whole, np.load(whole, allow_pickle=False) as file:
                state = json.loads(str(file["state"]))
                for name in _LISTS:
                    count = state.pop(name)
                    state[name] = [file[f"{name}{i}"] for i in range(count)]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"The checkpoint {str(self._path)!r} cannot be read ({error}); delete the file to "
                "start over."
            ) from error
        return state

    def write(self, state):
        """Write a state; the last one stays intact until this one is complete."""
        arrays, numbers = {}, dict(state)
        for name in _LISTS:
            values = numbers.pop(name) or []
            numbers[name] = len(values)
            arrays.update({f"{name}{i}": value for i, value in enumerate(values)})
        with tempfile.TemporaryDirectory(dir=self._path.parent) as folder:
            part = Path(folder, self._path.name)
            with part.open("wb") as file:
                np.savez(file, state=np.array(json.dumps(numbers)), **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self._path)


def ingredients(cnn, task, trainable):
    """Yield all that determines the result of a training."""
    design = cnn._design
    yield _identity_of(design)
    l2 = design.l2 if design.plan is None else list(design.l2)
    yield repr((l2, design.image_shape, design.scale, design.dtype, cnn.classes_.tolist()))
    names = ("optimizer", "learning_rate", "momentum", "augmentation")
    parameters = {name: getattr(cnn, name) for name in names}
    settings = ("epochs", "batch_size", "shuffle", "seed", "first_epoch", "patience")
    parameters.update({name: getattr(task, name) for name in settings})
    yield json.dumps(parameters, sort_keys=True, default=repr)
    of_all = vars(keras().callbacks.Callback())
    for callback in task.callbacks:
        own = {name: value for name, value in vars(callback).items() if name not in of_all}
        yield fingerprint([type(callback), own])
    for data in (task.X, task.y, task.w, *(task.validation or ())):
        yield data.dtype.str
        yield from data.blocks() if isinstance(data, Rows) else [data]
    yield from trainable.weights()
    yield from trainable.slots()


def _identity_of(design):
    """Return a string that tells networks apart."""
    if design.plan is not None:
        return repr(design.key)
    key = config_key(design.model())
    return fingerprint(design.build) if key is None else key
