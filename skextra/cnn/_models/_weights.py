"""Weights: which variables of a layer are kernels, and how many parameters they represent."""

import math

import numpy as np

from skextra.cnn._keras import numbers_of
from skextra.cnn._models._costs import described, is_coded, stem_of
from skextra.cnn._models._quantized import (
    KERNELS,
    decoded_kernel,
    has_lora,
    is_parameter,
    kernel_variables,
    mode_of,
    owners_of,
    shape_of,
)

# Names of classes without their number of dimensions.
CONVOLUTIONS = ("Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv")


def named_variables(layer):
    """Return the variables of a layer by unique names."""
    variables = getattr(layer, "weights", [])
    names = [v.name for v in variables]
    named = {}
    for v in variables:
        name = v.name
        if names.count(name) > 1:  # layers in the layer have such variables too
            name = v.path.rpartition(f"{layer.name}/")[2]
        while name in named:
            name += "'"
        named[name] = v
    return named


def kernels_of(layer):
    """Return the kernels among the variables of one of Keras's layers."""
    return [v for v in getattr(layer, "weights", []) if v.name in KERNELS]


def kernel_shapes(layer):
    """Return the shapes of the kernels of a layer, decoded."""
    if is_coded(layer):
        return [tuple(shape) for shape in layer.shapes]
    return [shape_of(v, part) for v, part in kernel_variables(layer)]


def count_parameters(layer, variables=None):
    """Return the number of parameters of a layer, decoded, and of those that are trainable.

    Parameters
    ----------
    layer : keras.Layer
        The layer.

    variables : list of keras.Variable, default=None
        The variables to count; all of the layer by default.
    """
    variables = getattr(layer, "weights", []) if variables is None else variables
    trained = {id(v) for v in getattr(layer, "trainable_weights", [])}
    if is_coded(layer):
        counted = [(v, v.shape) for v in variables if v.name == "bias"]
        if variables:
            counted += [(None, shape) for shape in layer.shapes]
    else:
        shapes = {id(v): shape_of(v, part) for v, part in kernel_variables(layer)}
        chosen = parameters_of(layer)
        counted = [(v, shapes.get(id(v), v.shape)) for v in variables if id(v) in chosen]
    number = sum(math.prod(shape) for _, shape in counted)
    return number, sum(math.prod(shape) for v, shape in counted if id(v) in trained)


def parameters_of(layer):
    """Return the ids of the variables that are parameters: scales and idle kernels are not."""
    owners = owners_of(layer)
    kernels = {id(v) for v, _ in kernel_variables(layer)}
    variables = getattr(layer, "weights", [])
    return kernels | {id(v) for v in variables if is_parameter(v, owners[id(v)])}


def bytes_of(variable):
    """Return the size of a variable."""
    return math.prod(variable.shape) * itemsize(variable.dtype)


def itemsize(dtype):
    """Return the bytes of a number of a dtype; None if it is not one of numbers."""
    if str(dtype) == "bfloat16":
        return 2
    try:
        return np.dtype(str(dtype)).itemsize
    except TypeError:
        return None


def coded_layers_of(graph, skip, kinds, what):
    """Return the layers of a graph whose kernels are to be coded, by name, and those skipped.

    Parameters
    ----------
    graph : Graph
        The calls of a model.

    skip : str or sequence of str
        Names of layers to skip.

    kinds : sequence of str
        Classes that can be coded, without their number of dimensions.

    what : str
        What is done to the layers, for messages.

    Raises
    ------
    TypeError, ValueError
        If a layer has kernels and cannot be coded, `skip` names none, or nothing is left.
    """
    layers = graph.layers()
    skip = _names("skip", skip)
    unknown = [name for name in skip if name not in layers]
    if unknown:
        raise ValueError(
            f"skip names {unknown}, which are not among the layers with weights, {list(layers)}."
        )
    chosen = {}
    for name, layer in layers.items():
        if name in skip or all(len(weight.shape) < 2 for weight in layer.weights):
            continue
        reason = _refused(name, layer, kinds, what)
        if reason is not None:
            raise ValueError(f"{reason}; leave it unchanged by skip=[{name!r}].")
        chosen[name] = layer
    if not chosen:
        raise ValueError(f"There is no convolution and no dense layer left that can be {what}.")
    return chosen, skip


def _names(parameter, value):
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple | set) or not all(isinstance(n, str) for n in names):
        raise TypeError(f"{parameter}={value!r} must be a name or a list of names of layers.")
    return tuple(names)


def _refused(name, layer, kinds, what):
    """Return why a layer cannot be coded; None if it can."""
    if is_coded(layer) or mode_of(layer) is not None:
        return f"The layer {name!r} is compressed already, so it cannot be {what} as well"
    if stem_of(described(layer)[0]) not in kinds:
        return f"The layer {name!r} of type {type(layer).__name__} cannot be {what}"
    if has_lora(layer):
        return f"The layer {name!r} has LoRA weights beside its kernel, so it cannot be {what}"
    if not all(np.isfinite(numbers_of(v).astype(np.float64)).all() for v in kernels_of(layer)):
        return f"The layer {name!r} has NaN or infinite weights, so it cannot be {what}"
    return None


def decoded(layer):
    """Return the decoded kernels of a layer by name, float64."""
    if is_coded(layer):
        kernels = [np.asarray(kernel, dtype=np.float64) for kernel in layer.kernels()]
        names = KERNELS[1:] if len(kernels) > 1 else KERNELS
        return dict(zip(names, kernels, strict=False))
    names = {id(v): name for name, v in named_variables(layer).items()}
    return {names[id(v)]: decoded_kernel(v, part) for v, part in kernel_variables(layer)}


def weight_error(old, new):
    """Return the root mean square of the changes of kernels, over that of the kernels."""
    pairs = list(zip(decoded(old).values(), decoded(new).values(), strict=True))
    change = sum(((a - b.reshape(a.shape)) ** 2).sum() for a, b in pairs)
    whole = sum((a**2).sum() for a, _ in pairs)
    return float(np.sqrt(change / whole)) if whole else 0.0
