"""Seeds: one number decides all that a fit draws, each thing by itself."""

import numpy as np

# What a seed is drawn for; no two share one.
KERNELS, ORDER, DROPOUT, AUGMENTATION, BUILD = range(5)


def drawn_seed(seed, *purpose):
    """Return a whole number that depends on the seed of a fit and on what it is for."""
    # With their number, since SeedSequence takes a shorter list for one with zeros at its end.
    sequence = np.random.SeedSequence([seed, len(purpose), *purpose])
    return int(sequence.generate_state(1)[0] >> 1)
