"""export_network: a network as a file for other runtimes, with its outputs compared."""

from __future__ import annotations

import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from skextra._typing import KerasModelLike, MatrixLike
from skextra.cnn._compression._plain import is_int8, plain_model, rounds
from skextra.cnn._compression._runtimes import (
    NEAR,
    NEAR_ROUNDED,
    called,
    check_file,
    computed,
    import_runtime,
    noise_for,
)
from skextra.cnn._keras import reason
from skextra.cnn._subject import ModelSubject, subject_of

if TYPE_CHECKING:
    from skextra.cnn._classifier import CNNClassifier

_SOME = 2  # samples of X on which a file is tried before the rest
_FORMATS = {".tflite": "litert", ".onnx": "onnx"}


def export_network(
    model: CNNClassifier | KerasModelLike,
    path: str | os.PathLike[str],
    X: MatrixLike | None = None,
) -> float | None:
    """Export a network to a runtime without Keras, and compare the outputs of both.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A model that is built, or a fitted estimator, whose `model_` is exported. That takes
        images, integers as in `fit` if it divides them itself (already divided for a model of
        `build`), and returns probabilities.

    path : str or path
        The file: ``.tflite`` for LiteRT, ``.onnx`` for ONNX runtimes.

    X : array-like, default=None
        Samples on which to measure how much the runtime differs from Keras; for an estimator,
        pixels as in `fit`. Requires the package `ai-edge-litert` or `onnxruntime`.

    Returns
    -------
    difference : float or None
        The largest absolute difference of the outputs; None without X.

    Raises
    ------
    ImportError
        If a package is missing.

    ValueError
        If the path has another suffix or its folder does not exist, Keras cannot export the
        network, or the runtime rejects the file or computes different outputs. No file is left
        then, and an existing file is not changed.

    Warns
    -----
    UserWarning
        If X is None and the runtime is not installed, so that the file is not tried.

    See Also
    --------
    quantize_int8 : Compresses the network, best used before.

    Notes
    -----
    Keras writes the file (``keras.Model.export``). LiteRT requires a version of Keras that
    supports it, ONNX the packages `onnx` and `tf2onnx`. The file is first written beside `path`,
    read by its runtime and run on two samples, of X if given, else of noise. It is moved to `path`
    only if its outputs equal those of Keras to a thousandth of the largest. The tolerance is half
    of the largest if either rounds inputs to int8 or computes in half precision; pass X to
    measure the loss.

    Inputs, weights and outputs are float32, whatever the layers compute in (float16, bfloat16,
    float64 or mixed), as neither format supports all operations in other types. A network of
    :func:`quantize_int8` keeps int8 weights in a LiteRT file, and the runtime computes with them.
    All other coded or quantised kernels are written decoded, in float32, as neither format has
    codebooks; LoRA weights are added to their kernels. Layers in float8 raise an error.

    A transposed convolution with a dilation, an output padding, or a kernel smaller than its
    stride is written with zeros in its kernel. Sizes that the model does not fix remain variable.
    For LiteRT, recurrent layers require ``unroll=True``.

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
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"path={str(path)!r} must name a file in an existing folder.")
    model = subject_of(model, "export_network").standalone()
    plain = plain_model(model)
    options = {"verbose": False}
    is_rounded = is_int8(model) and path.suffix == ".tflite"
    if is_rounded:
        import tensorflow as tf

        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    images = None
    if X is not None:
        images = ModelSubject(plain).images(_shaped(plain, X))
        if len(plain.outputs) > 1:
            raise ValueError(
                f"The model {model.name!r} has {len(plain.outputs)} outputs; the difference can "
                "only be measured for one. Leave X out."
            )
        import_runtime(path.suffix)
    with TemporaryDirectory(prefix=".skextra-", dir=path.parent) as folder:
        written = Path(folder) / path.name
        is_given = images is not None and plain.inputs[0].shape[0] is None
        samples = [images[:_SOME]] if is_given else noise_for(plain)
        _write(plain, written, options, samples)
        near = NEAR_ROUNDED if is_rounded else NEAR
        rough = NEAR_ROUNDED if is_rounded or rounds(model) else NEAR
        check_file(written, plain, [(plain, near), (model, rough)], samples)
        difference = None
        if images is not None:
            outputs = computed(written, plain, [images])[0]
            difference = float(np.abs(outputs - ModelSubject(model).outputs(images)).max())
        os.replace(written, path)
    return difference


def _write(model, path, options, samples):
    try:
        called(model, samples)  # the exporter asks for a call
    except Exception as error:
        raise ValueError(
            f"The model {model.name!r} cannot compute the samples on which its file is tried: "
            f"{reason(error)} Pass valid samples as X."
        ) from error
    try:
        model.export(str(path), format=_FORMATS[path.suffix], **options)
    except ImportError as error:
        raise ImportError(f"{path.suffix} files need a package: {reason(error)}") from error
    except Exception as error:
        raise ValueError(
            f"Keras cannot export {model.name!r} to {path.suffix}: {reason(error)}"
        ) from error


def _shaped(model, X):
    """Return X in the shape of the model's samples, if the sizes match."""
    X = np.asarray(X)
    wanted = tuple(model.inputs[0].shape[1:])
    fits = len(X) and None not in wanted and X[0].size == math.prod(wanted)
    return X.reshape(len(X), *wanted) if fits else X
