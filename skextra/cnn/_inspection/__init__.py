"""Inspection: what layers are, cost, put out and learn from."""
