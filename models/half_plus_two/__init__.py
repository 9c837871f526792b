"""half_plus_two: y = 0.5 x + 2, the model that TensorFlow Serving's own documentation begins with.

Small enough to compute in one's head, and with all three kinds of signature. Versions differ in what they add, so that
an answer shows which version gave it: version 1 adds 2, version 2 adds 3, version V adds V + 1.
"""

from models.half_plus_two.examples import examples, expected
from models.half_plus_two.model import NAME, VERSIONS, addend, build, export, export_all

__all__ = ["NAME", "VERSIONS", "addend", "build", "examples", "expected", "export", "export_all"]
