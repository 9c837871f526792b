"""text: strings in, strings and their lengths out; the model for everything that is not a number."""

from models.text.examples import examples, expected
from models.text.model import NAME, build, export

__all__ = ["NAME", "build", "examples", "expected", "export"]
