"""Training: from samples and a network to weights."""
