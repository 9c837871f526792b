"""This repository's pytest: its example models are served when no ``--model`` is given."""

from fixtures.example_models import pytest_serving_models
from fixtures.requests import disk_signatures, requests_of_model

__all__ = ["disk_signatures", "pytest_serving_models", "requests_of_model"]
