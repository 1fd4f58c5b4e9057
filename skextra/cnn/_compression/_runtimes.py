"""Runtimes: an exported file is run, and its outputs are compared with those of Keras."""

import re
import warnings

import numpy as np

from skextra._base import import_extra
from skextra.cnn._keras import keras, reason
from skextra.cnn._models._graph import graph_of
from skextra.cnn._subject import ModelSubject

_PACKAGES = {
    ".tflite": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    ".onnx": ("onnxruntime", "onnxruntime"),
}
# Tried in turn for sizes that a model does not fix: the smallest that all layers accept is used.
_SIZES = (32, 64, 128, 256)
# Samples of noise: two, so that a file that takes only one at a time is found out.
_ROWS = 2
# Tolerances, as fractions of the largest output. Runtimes add in another order than Keras, which
# makes differences of 1e-6 in small networks; a wrong operation, or exchanged inputs, makes
# differences as large as the outputs.
NEAR = 1e-3
# The tolerance if one of the two rounds inputs, or computes in half precision.
NEAR_ROUNDED = 0.5
# The tolerance for outputs that are all nearly 0: some roundings of float32 at 1.
_LEAST = 1e-6


def import_runtime(suffix):
    """Return the runtime that reads files with a suffix."""
    return import_extra(_PACKAGES[suffix][0], "export", f"Comparing a {suffix} file")


def check_file(path, model, references, samples):
    """Raise ValueError unless the runtime computes what the models compute for some samples.

    Parameters
    ----------
    path : Path
        The file.

    model : keras.Model
        The model that was exported.

    references : list of (keras.Model, float)
        Models, and tolerances of their outputs, as fractions of the largest.

    samples : list of ndarray
        An array for each input.

    Warns
    -----
    UserWarning
        If the runtime is not installed.
    """
    try:
        import_runtime(path.suffix)
    except ImportError:
        warnings.warn(
            f"{path.name} could not be tried, as {_PACKAGES[path.suffix][1]} is not installed; "
            'run `pip install "skextra[export]"`.',
            UserWarning,
            stacklevel=3,
        )
        return
    found = computed(path, model, samples)
    for reference, near in references:
        _compare(path, found, called(reference, samples), near)


def _compare(path, found, expected, near):
    if [x.shape for x in found] != [x.shape for x in expected]:
        raise ValueError(
            f"The runtime of {path.name} returns arrays of shapes {[x.shape for x in found]}, but "
            f"Keras of {[x.shape for x in expected]}, so the file was removed."
        )
    for one, two in zip(found, expected, strict=True):
        two = two.astype(np.float64)
        largest = np.nanmax(np.abs(two), initial=0.0)
        if not np.allclose(one, two, rtol=0, atol=near * largest + _LEAST, equal_nan=True):
            raise ValueError(
                f"The outputs of the runtime of {path.name} differ from those of Keras by "
                f"{np.nanmax(np.abs(one - two)):.3g}, where the largest is {largest:.3g}, so the "
                "file was removed."
            )


def noise_for(model):
    """Return two samples of noise for each input of a model.

    Sizes that the model does not fix are the first that are large enough for all layers.
    """
    for size in _SIZES:
        arrays = _noise(model, size)
        try:
            _call(model, [keras().Input(batch_shape=a.shape, dtype=a.dtype) for a in arrays])
        except ValueError:  # a layer would reduce the image to nothing
            continue
        break
    return arrays


def _noise(model, open_size):
    rng = np.random.default_rng(0)
    arrays = []
    for x in model.inputs:
        shape = [x.shape[0] or _ROWS, *(size or open_size for size in x.shape[1:])]
        if keras().backend.is_float_dtype(x.dtype):
            arrays.append(rng.normal(size=shape).astype(str(x.dtype)))
        elif x.dtype == "string":
            raise ValueError(
                f"The model {model.name!r} takes strings, which cannot be exported; export the "
                "part of it that takes numbers."
            )
        else:  # indices of words or of classes, or pixels: 0 and 1 are always valid
            arrays.append(rng.integers(0, 2, shape).astype(str(x.dtype)))
    return arrays


def called(model, arrays):
    """Return the outputs of a Keras model, given an array for each input."""
    k = keras()
    arrays = [k.ops.cast(a, x.dtype) for a, x in zip(arrays, model.inputs, strict=True)]
    with ModelSubject(model).states_kept():
        return [k.ops.convert_to_numpy(x) for x in k.tree.flatten(_call(model, arrays))]


def _call(model, tensors):
    given = tensors[0]
    if not isinstance(model, keras().Sequential):
        given = keras().tree.pack_sequence_as(model.input, tensors)
    return model(given, training=False)


def computed(path, model, arrays):
    """Return the outputs of the runtime of a file, in the order of the model's outputs.

    Parameters
    ----------
    path : Path
        The file.

    model : keras.Model
        The model that was exported.

    arrays : list of ndarray
        One for each input.
    """
    try:
        return _RUNTIMES[path.suffix](path, model, arrays)
    except _Unlike as error:
        raise ValueError(
            f"{path.name}, as Keras wrote it, {error}, so the file was removed."
        ) from error
    except Exception as error:
        raise ValueError(
            f"The runtime cannot run {path.name}, as Keras wrote it, so the file was removed: "
            f"{reason(error)} The format does not support one of its operations; "
            f"{_suspected(model, path.suffix)}"
        ) from error


class _Unlike(Exception):
    """The inputs of a file are not those of the model."""


def _suspected(model, suffix):
    """Return which operations the runtime may not support, and in which layers."""
    layers = {call.name: call.layer for call in graph_of(model).calls}
    if suffix == ".onnx":
        what = "grouped convolutions are not"
        names = [n for n, x in layers.items() if getattr(x, "groups", 1) > 1]
    else:
        what = "recurrent layers without unroll=True are not"
        names = [
            n
            for n, x in layers.items()
            if any(isinstance(p, keras().layers.RNN) and not p.unroll for p in _parts(x))
        ]
    return f"{what}: {', '.join(names)}." if names else f"{what}."


def _parts(layer):
    inner = (getattr(layer, name, None) for name in ("layer", "forward_layer"))
    return [layer, *(x for x in inner if x is not None)]


def _named(model, names, arrays):
    """Return arrays by the names of a file's inputs, which match the model's but for signs."""
    if len(names) != len(arrays):
        raise _Unlike(
            f"takes {len(names)} inputs where the model has {len(arrays)} (among them may be "
            "weights of layers such as Normalization; Rescaling has none)"
        )
    if len(arrays) == 1:
        return dict(zip(names, arrays, strict=True))
    plain = {
        re.sub(r"\W", "_", x.name).lower(): a for x, a in zip(model.inputs, arrays, strict=True)
    }
    if len(plain) < len(arrays):
        raise _Unlike("has inputs whose names differ only in special characters")
    return {name: plain[re.sub(r"\W", "_", name).lower()] for name in names}


def _by_litert(path, model, arrays):
    runner = import_runtime(path.suffix).Interpreter(model_path=str(path)).get_signature_runner()
    outputs = runner(**_named(model, runner.get_input_details(), arrays))
    # Keras numbers the outputs of a list, and sorts those of a dict by their keys.
    numbers = [name.rpartition("output_")[2] for name in outputs]
    is_dict = not isinstance(model, keras().Sequential) and isinstance(model.output, dict)
    if not is_dict and all(number.isdecimal() for number in numbers):
        return [x for _, x in sorted(zip(map(int, numbers), outputs.values(), strict=True))]
    return [outputs[name] for name in sorted(outputs)]


def _by_onnx(path, model, arrays):
    runtime = import_runtime(path.suffix)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [taken.name for taken in session.get_inputs()]
    return session.run(None, _named(model, names, arrays))


_RUNTIMES = {".tflite": _by_litert, ".onnx": _by_onnx}
