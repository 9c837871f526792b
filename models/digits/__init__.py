"""digits: a small convolutional network that reads handwritten digits of 8 x 8 pixels.

Trained by ``train.py`` on the scans that scikit-learn carries (UCI "Optical Recognition of Handwritten Digits").
"""

from models.digits.client import DigitReading, postprocess, preprocess
from models.digits.data import load_test_set, load_train_set
from models.digits.examples import SAMPLES, examples
from models.digits.model import NAME, build, export
from models.digits.reference import forward

__all__ = [
    "NAME",
    "SAMPLES",
    "DigitReading",
    "build",
    "examples",
    "export",
    "forward",
    "load_test_set",
    "load_train_set",
    "postprocess",
    "preprocess",
]
