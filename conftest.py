"""This repository's pytest: its example models are served when no ``--model`` is given."""

from fixtures.example_models import pytest_serving_models
from fixtures.requests import pytest_serving_requests, requests_of_model

__all__ = ["pytest_serving_models", "pytest_serving_requests", "requests_of_model"]
