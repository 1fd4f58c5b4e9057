"""Inspection: the layers of a network, their costs, outputs, weights and gradients."""
