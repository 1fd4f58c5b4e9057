"""Adam: the step of Keras's optimizer in a third of its operations."""

from skextra.cnn._keras import keras


def is_plain(optimizer):
    """Return whether an optimizer is Keras's Adam without any of its options."""
    adam = keras().optimizers.Adam
    if type(optimizer) is not adam:
        return False
    default = adam(0.001, name=optimizer.name)
    return optimizer.get_config() == default.get_config()


def apply_adam(optimizer, gradients, variables):
    """Do what ``optimizer.apply(gradients, variables)`` does, with the same bits.

    Keras computes the step size anew for every weight, and converts at every operation. Tracing
    that is a fifth of what the first fit of an architecture with little data takes
    (benchmarks/network_constants.py).

    Parameters
    ----------
    optimizer : keras.optimizers.Adam
        For which `is_plain`, built on the variables.

    gradients : list of tensor
        A gradient for each variable.

    variables : list of keras.Variable
        All of one dtype, float32 or float64, and without constraints.
    """
    import tensorflow as tf

    dtype = gradients[0].dtype
    count, rate = optimizer.iterations.value, optimizer.learning_rate.value
    step = tf.cast(count + 1, dtype)
    left_1, left_2 = (1 - tf.cast(b, dtype) ** step for b in (optimizer.beta_1, optimizer.beta_2))
    size = tf.cast(rate, dtype) * tf.sqrt(left_2) / left_1
    slots = [slot.value for slot in optimizer.variables[2:]]  # after count and rate
    for gradient, variable, momentum, velocity in zip(
        gradients, variables, slots[0::2], slots[1::2], strict=True
    ):
        mean = momentum.assign_add((gradient - momentum) * (1 - optimizer.beta_1))
        square = velocity.assign_add((tf.square(gradient) - velocity) * (1 - optimizer.beta_2))
        variable.value.assign_sub(mean * size / (tf.sqrt(square) + optimizer.epsilon))
    count.assign_add(1)
