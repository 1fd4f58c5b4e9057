"""Models: Keras models, whoever made them: their calls, kernels and costs, copied and restored."""
