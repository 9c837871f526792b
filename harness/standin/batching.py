"""Batching: several requests in one run of the model."""
