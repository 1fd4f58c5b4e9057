"""export_network: a network as a file for other runtimes, its outputs compared."""

import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

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

_SOME = 2  # samples on which every file is tried
_FORMATS = {".tflite": "litert", ".onnx": "onnx"}


def export_network(model, path, X=None):
    """Write a network for a runtime without Keras, and compare what that computes.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A model that is built, or a fitted estimator, of which `model_` is written: images in,
        integers as in `fit` where those are divided inside (divided for a model of `build`),
        probabilities out.

    path : str or path
        Where to. A file that ends in ``.tflite`` is written for LiteRT, one that ends in
        ``.onnx`` for ONNX runtimes.

    X : array-like, default=None
        Samples to measure on how much the runtime differs from Keras, which needs the package
        `ai-edge-litert` or `onnxruntime`. For an estimator they are pixels, as in `fit`.

    Returns
    -------
    difference : float or None
        The greatest absolute difference of the outputs; None without X.

    Raises
    ------
    ImportError
        If a package is missing.

    ValueError
        If the path ends otherwise or leads into no folder, Keras cannot export the network, or
        the runtime refuses what it wrote or computes other numbers. No file is left then, and one
        that was there stays as it was.

    Warns
    -----
    UserWarning
        If X is None and the runtime is not installed, so that the file could not be tried.

    See Also
    --------
    quantize_int8 : Makes the network smaller first.

    Notes
    -----
    Keras does the work (``keras.Model.export``): LiteRT needs a Keras that knows it, ONNX the
    packages `onnx` and `tf2onnx`. The file is written beside `path` first, read by its runtime and
    run on two samples, of X or else of noise. It takes its name only if the outputs are those of
    Keras, to a thousandth of the largest; to a half of it where either rounds inputs to int8 or
    computes in half precision, and only X tells what that costs.

    Inputs, weights and outputs are float32, whatever the layers compute in (float16, bfloat16,
    float64 or mixed), as neither format knows all operations in other types. A network of
    :func:`quantize_int8` keeps int8 weights in a LiteRT file, which the runtime computes with;
    all other kernels of few bits are written as the float32 numbers that they stand for, as
    neither format has codebooks, and LoRA weights are added to theirs. Layers in float8 are
    refused.

    A transposed convolution is written with zeros in its kernel where it has a dilation, an
    output padding, or a kernel smaller than its stride. Sizes that the model leaves open stay
    open. For LiteRT recurrent layers must be made with ``unroll=True``.

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
        raise ValueError(f"path={str(path)!r} must name a file in a folder that there is.")
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
                "be measured for models with one. Leave X out."
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
            f"The model {model.name!r} cannot compute the samples that are to try its file: "
            f"{reason(error)} Pass some that it can as X."
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
    """Return X in the shape of the model's samples, where it has as many numbers."""
    X = np.asarray(X)
    wanted = tuple(model.inputs[0].shape[1:])
    fits = len(X) and None not in wanted and X[0].size == math.prod(wanted)
    return X.reshape(len(X), *wanted) if fits else X
