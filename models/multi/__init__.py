"""multi: several inputs and outputs of mixed dtypes and ranks, and a second signature."""

from models.multi.examples import examples, expected, expected_statistics
from models.multi.model import NAME, build, export

__all__ = ["NAME", "build", "examples", "expected", "expected_statistics", "export"]
