"""Seeds: one number determines all random draws of a fit, independent for each purpose."""

import numpy as np

# The purposes.
KERNELS, ORDER, DROPOUT, AUGMENTATION, BUILD = range(5)


def drawn_seed(seed, *purpose):
    """Return a seed for a purpose, with further numbers, from the seed of a fit."""
    # With their count, since SeedSequence pads a list with zeros.
    sequence = np.random.SeedSequence([seed, len(purpose), *purpose])
    return int(sequence.generate_state(1)[0] >> 1)
