"""export_network: a network as a file for other runtimes, its outputs compared."""

import math
from pathlib import Path

import numpy as np

from skextra._base import import_extra
from skextra.cnn._costs import is_coded
from skextra.cnn._graph import graph_of
from skextra.cnn._keras import keras, numbers_of, reason
from skextra.cnn._rewrite import rewritten
from skextra.cnn._subject import ModelSubject, subject_of
from skextra.cnn._weights import decoded

_ANY = 32
_FORMATS = {".tflite": "litert", ".onnx": "onnx"}


def export_network(model, path, X=None):
    """Write a network for a runtime without Keras, and compare what that computes.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A model that is built, or a fitted estimator, of which `model_` is written: images in,
        bytes if it was fitted on uint8 (divided by 255 for a model of `build`), probabilities out.

    path : str or path
        Where to. A file that ends in ``.tflite`` is written for LiteRT, one that ends in
        ``.onnx`` for ONNX runtimes.

    X : array-like, default=None
        Samples to compare the runtime with Keras on, which needs the package `ai-edge-litert` or
        `onnxruntime`. For an estimator they are pixels, as in `fit`.

    Returns
    -------
    difference : float or None
        The greatest absolute difference of the outputs; None without X.

    Raises
    ------
    ImportError
        If a package is missing.

    ValueError
        If the path ends otherwise, or Keras cannot export the network.

    See Also
    --------
    quantize_int8 : Makes the network smaller first.

    Notes
    -----
    Keras does the work (``keras.Model.export``): LiteRT needs a Keras that knows it, ONNX the
    packages `onnx` and `tf2onnx`. A network of :func:`quantize_int8` keeps int8 weights in a
    LiteRT file, which the runtime computes with; all else is written in float32, as neither format
    has codebooks.

    Examples
    --------
    >>> import keras
    >>> from skextra.cnn import export_network
    >>> model = keras.Sequential([keras.Input((9, 9, 4)), keras.layers.Conv2D(8, 3)])
    >>> export_network(model, "model.pt")
    Traceback (most recent call last):
        ...
    ValueError: path='model.pt' must end in '.tflite' or '.onnx'.
    """
    path = Path(path)
    if path.suffix not in _FORMATS:
        raise ValueError(f"path={str(path)!r} must end in '.tflite' or '.onnx'.")
    model = subject_of(model).standalone()
    is_int8 = any(_is_int8(call.layer) for call in graph_of(model).calls)
    plain, _ = rewritten(model, _plain_layer)
    options = {"verbose": False}
    if is_int8 and path.suffix == ".tflite":
        import tensorflow as tf

        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    images = None if X is None else ModelSubject(plain).images(_shaped(plain, X))
    if images is not None and len(plain.outputs) > 1:
        raise ValueError(
            f"The model {model.name!r} has {len(plain.outputs)} outputs; those of models with one "
            "can be compared. Leave X out."
        )
    plain(_sample(plain) if images is None else images[:1])  # the exporter asks for a call
    try:
        plain.export(str(path), format=_FORMATS[path.suffix], **options)
    except ImportError as error:
        raise ImportError(f"{path.suffix} files need a package: {reason(error)}") from error
    except Exception as error:
        raise ValueError(
            f"Keras cannot export {model.name!r} to {path.suffix}: {reason(error)}"
        ) from error
    if images is None:
        return None
    outputs = _computed(path, images)
    return float(np.abs(outputs - ModelSubject(model).outputs(images)).max())


def _sample(model):
    """Return zeros that a model takes, in place of sizes left open some that will do."""
    shapes = [[1, *(size or _ANY for size in x.shape[1:])] for x in model.inputs]
    zeros = [np.zeros(s, str(x.dtype)) for s, x in zip(shapes, model.inputs, strict=True)]
    sequential = isinstance(model, keras().Sequential)
    return zeros[0] if sequential else keras().tree.pack_sequence_as(model.input, zeros)


def _shaped(model, X):
    """Return X in the shape of the model's samples, where it has as many numbers."""
    X = np.asarray(X)
    wanted = tuple(model.inputs[0].shape[1:])
    fits = len(X) and None not in wanted and X[0].size == math.prod(wanted)
    return X.reshape(len(X), *wanted) if fits else X


def _is_int8(layer):
    mode = layer.storage if is_coded(layer) else getattr(layer, "quantization_mode", None)
    return mode == "int8"


def _plain_layer(layer):
    """Return a layer of floats in the place of one of few bits, None for others."""
    if is_coded(layer):
        return layer.plain()
    if getattr(layer, "quantization_mode", None) is None:
        return None
    # Keras calls the types of such layers int8_from_float32 and so on.
    dtype = layer.dtype_policy.name.rpartition("_from_")[2]
    config = {**layer.get_config(), "dtype": dtype}
    config.pop("quantization_config", None)
    weights = list(decoded(layer).values())
    if getattr(layer, "bias", None) is not None:
        weights.append(numbers_of(layer.bias))
    return type(layer).from_config(config), weights


def _computed(path, images):
    """Return what the runtime of a file computes."""
    try:
        return _RUNTIMES[path.suffix](str(path), images)
    except ImportError:
        raise
    except Exception as error:
        raise ValueError(
            f"The runtime cannot compute {str(path)!r}, as Keras wrote it: {reason(error)} It has "
            "an operation that the format does not know; convolutions in groups are one."
        ) from error


def _by_litert(path, images):
    runtime = import_extra("ai_edge_litert.interpreter", "export", "Comparing a .tflite file")
    interpreter = runtime.Interpreter(model_path=path)
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(taken["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], images)
    interpreter.invoke()
    return interpreter.get_tensor(given["index"])


def _by_onnx(path, images):
    runtime = import_extra("onnxruntime", "export", "Comparing an .onnx file")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    return session.run(None, {taken.name: images})[0]


_RUNTIMES = {".tflite": _by_litert, ".onnx": _by_onnx}
