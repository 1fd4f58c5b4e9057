"""conv_matrix: the matrix of a convolution."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse


def conv_matrix(
    kernel: ArrayLike,
    input_shape: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    padding: Literal["valid", "same"] | int | Sequence[int] = "valid",
    dilation: int | Sequence[int] = 1,
) -> sparse.csr_array:
    r"""Return the matrix of a convolution: ``matrix @ x.ravel()`` is its output.

    Parameters
    ----------
    kernel : array-like of shape (\*window, n_channels, n_filters) or (\*window,)
        The kernel in Keras's layout. With fewer channels than `input_shape` it is a grouped
        convolution. A window without channels is one filter of one channel.

    input_shape : int or tuple of int
        Shape of a sample, channels last: (length, n_channels), (height, width, n_channels) and so
        on. Without the channels if the kernel is only a window: (height, width), for example.

    strides, dilation : int or tuple of int, default=1
        Strides and dilation of the window, one for all axes or one for each.

    padding : {'valid', 'same'} or int or tuple of int, default='valid'
        Zeros around the input: none; enough for an output as large as the input, divided by the
        strides and rounded up; or the number at both ends, one for all axes or one for each.

    Returns
    -------
    matrix : scipy.sparse.csr_array of shape (n_outputs, n_inputs)
        The matrix, float32 if the kernel is float32 or float16, else float64. Inputs and outputs
        are in the order of `ravel`: row by row, channels last.

    Raises
    ------
    ValueError
        If the shapes do not match, or the window is larger than the input.

    See Also
    --------
    layer_table : Shapes of the outputs of convolutions.

    Notes
    -----
    As usual in neural networks, the kernel is not flipped. Along each axis, the output has
    ``floor((n + 2 * p - dilation * (k - 1) - 1) / stride) + 1`` positions. The matrix has one row
    for each output, with the entries of the kernel that meet the input; in one dimension it is
    banded. The gradient of a loss with respect to the input is the transposed matrix times the
    gradient with respect to the output. The matrix has one entry for each multiplication.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra.cnn import conv_matrix
    >>> conv_matrix(np.array([1, 2, 3]), 5).toarray()
    array([[1., 2., 3., 0., 0.],
           [0., 1., 2., 3., 0.],
           [0., 0., 1., 2., 3.]])
    >>> sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    >>> edges = conv_matrix(sobel, (4, 4), padding="same")
    >>> (edges @ np.tile([0.0, 0.0, 1.0, 1.0], 4)).reshape(4, 4)[1]
    array([ 0.,  4.,  4., -4.])
    """
    try:
        kernel = np.asarray(kernel)
    except ValueError as error:
        raise ValueError("kernel has rows of different lengths; they must be equal.") from error
    if kernel.dtype.kind not in "buif" or not kernel.size or not np.isfinite(kernel).all():
        raise ValueError(
            f"kernel must hold finite numbers, got an array of {kernel.dtype} of shape "
            f"{kernel.shape}."
        )
    kernel = kernel.astype(np.float32 if kernel.dtype.name in ("float16", "float32") else float)
    shape = _sizes("input_shape", input_shape, 1)
    if kernel.ndim == len(shape):
        kernel, shape = kernel[..., None, None], (*shape, 1)
    n_axes = len(shape) - 1
    if kernel.ndim != n_axes + 2 or n_axes < 1:
        raise ValueError(
            f"kernel has shape {kernel.shape} and input_shape={input_shape!r}; the kernel must be "
            "(*window, n_channels, n_filters) for inputs of (*sizes, n_channels), or a window "
            "alone for inputs without channels."
        )
    (*window, per_group, n_filters), channels = kernel.shape, shape[-1]
    if channels % per_group or n_filters % (channels // per_group):
        raise ValueError(
            f"kernel has {per_group} input channels and {n_filters} filters, which does not fit "
            f"the {channels} channels of input_shape={input_shape!r}; the first must divide the "
            "channels, and the number of groups the filters."
        )
    strides = _sizes("strides", strides, 1, n_axes)
    dilation = _sizes("dilation", dilation, 1, n_axes)
    axes = [
        _axis(*sizes)
        for sizes in zip(
            shape, window, strides, dilation, _paddings(padding, n_axes), strict=False
        )
    ]
    return _assembled(kernel, shape, axes)


def _sizes(name, value, low, count=None):
    """Return a whole number for each axis."""
    is_sequence = isinstance(value, list | tuple | np.ndarray)
    values = tuple(value) if is_sequence else (value,) * (count or 1)
    right = all(isinstance(v, Integral) and not isinstance(v, bool) and v >= low for v in values)
    if not right or (count is not None and len(values) != count):
        every = "" if count is None else f", one for all or one for each of the {count} axes"
        raise ValueError(f"{name}={value!r} must be whole numbers from {low} up{every}.")
    return tuple(int(v) for v in values)


def _paddings(padding, n_axes):
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"padding={padding!r} must be 'valid', 'same' or whole numbers.")
        return [padding] * n_axes
    return _sizes("padding", padding, 0, n_axes)


def _axis(n, k, stride, dilation, padding):
    """Return, along an axis, the input position for each position of the output and the window.

    The array is of shape (n_out, k); positions in the padding are -1.
    """
    span = dilation * (k - 1) + 1
    if padding == "same":
        n_out = -(-n // stride)
        before = max((n_out - 1) * stride + span - n, 0) // 2
    else:
        before = 0 if padding == "valid" else padding
        n_out = (n + 2 * before - span) // stride + 1
    if n_out < 1:
        raise ValueError(
            f"The kernel spans {span} positions along an axis on which the input has "
            f"{n + 2 * before}, padding included; use a smaller kernel or dilation, or more "
            "padding."
        )
    positions = np.arange(n_out)[:, None] * stride + np.arange(k) * dilation - before
    return np.where((positions >= 0) & (positions < n), positions, -1)


def _assembled(kernel, shape, axes):
    """Return the matrix of a kernel (*window, per_group, n_filters), from positions per axis."""
    *window, per_group, n_filters = kernel.shape
    n_axes, channels = len(axes), shape[-1]
    out = tuple(len(axis) for axis in axes)
    # For every position of the output and the window: the input position, and whether it exists.
    position = np.zeros((1,) * (2 * n_axes), dtype=np.int64)
    inside = np.ones((1,) * (2 * n_axes), dtype=bool)
    for i, axis in enumerate(axes):
        view = [1] * (2 * n_axes)
        view[i], view[n_axes + i] = axis.shape
        position = position * shape[i] + axis.reshape(view)
        inside = inside & (axis.reshape(view) >= 0)
    target, place = np.nonzero(inside.reshape(math.prod(out), math.prod(window)))
    position = position.reshape(math.prod(out), -1)[target, place]
    # A filter sees the channels of its group.
    groups = np.arange(n_filters) // (n_filters // (channels // per_group))
    seen = groups[:, None] * per_group + np.arange(per_group)
    rows = target[:, None, None] * n_filters + np.arange(n_filters)[:, None]
    columns = position[:, None, None] * channels + seen
    values = kernel.reshape(-1, per_group, n_filters).transpose(0, 2, 1)[place]
    rows = np.broadcast_to(rows, values.shape)
    size = math.prod(out) * n_filters, math.prod(shape)
    return sparse.csr_array((values.ravel(), (rows.ravel(), columns.ravel())), shape=size)
