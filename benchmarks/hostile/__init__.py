"""Garbage thrown at a stand-in: ``python -m benchmarks.hostile``."""
