"""Configured: models from Keras's JSON and files, where a network was changed after the fit."""

import json
import zipfile
from os import PathLike
from pathlib import Path

from skextra._typing import KerasModel
from skextra.cnn._keras import keras, reason, seeded
from skextra.cnn._models._coded import sharing
from skextra.cnn._models._zip import check_size


def configured_model(config: str) -> KerasModel:
    """Return a new model with a configuration, its weights still to be set.

    Keras reads it in safe mode, which refuses what would run code from a file.
    """
    k = keras()
    import skextra.cnn._models._coded_layers  # noqa: F401, registers the layers with Keras

    with seeded(0), sharing():
        try:
            model = k.models.model_from_json(config)
        except json.JSONDecodeError as error:
            raise ValueError(f"the description of the network is not JSON: {error}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"Keras cannot make the network from its description: {reason(error)} Classes and "
                "functions of your own must be registered with "
                "keras.saving.register_keras_serializable, and a Lambda made one of them."
            ) from error
    if not isinstance(model, k.Model):
        raise ValueError(f"Keras cannot make the network from its description: it is {model!r}.")
    return model


def load_model(path: str | PathLike[str]) -> KerasModel:
    """Return a Keras model from a `.keras` file, which may have compressed layers.

    Parameters
    ----------
    path : str or path
        A file written by the method `save` of a model or of CNNClassifier.

    Returns
    -------
    model : keras.Model
        The model.

    Raises
    ------
    ValueError
        If there is no such file, or Keras cannot read it in safe mode, which runs no code from a
        file.

    See Also
    --------
    skextra.CNNClassifier.load : Reads a classifier.

    Notes
    -----
    ``keras.models.load_model`` does the same once Keras knows skextra's layers, in a process that
    has made or loaded some. So do pickles of such Keras models; those of classifiers always load.

    Examples
    --------
    >>> import keras, os, tempfile
    >>> from skextra.cnn import load_model, quantize_int8
    >>> model = keras.Sequential([keras.Input((9, 9, 4)), keras.layers.Conv2D(8, 3)])
    >>> small, _ = quantize_int8(model)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "small.keras")
    ...     small.save(path)
    ...     load_model(path).count_params() == small.count_params()
    True
    """
    k = keras("load_model")
    import skextra.cnn._models._coded_layers  # noqa: F401, registers the layers with Keras

    if not Path(path).is_file():
        raise ValueError(f"path={str(path)!r} is no file.")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"path={str(path)!r} is not a '.keras' file.")
    check_size(path)
    try:
        return k.saving.load_model(path, safe_mode=True)
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(f"path={str(path)!r} cannot be read: {reason(error)}") from error


def with_ends(config: str, scale: int | str) -> KerasModel:
    """Return a network with the ends of `model_`: pixels in, probabilities out.

    Parameters
    ----------
    config : str
        The network on logits.

    scale : int or str
        With a number, the new model divides pixels by it.
    """
    k = keras()
    model = configured_model(config)
    dtype = str(model.inputs[0].dtype)
    layers = [k.Input(model.inputs[0].shape[1:], dtype=dtype, name="images")]
    if isinstance(scale, int):
        layers.append(k.layers.Rescaling(1 / scale, dtype=dtype, name="rescaling"))
    layers += [*model.layers, k.layers.Softmax(dtype=dtype, name="softmax")]
    return k.Sequential(layers, name=model.name)
