"""commodity: a single-shot detector that finds products on shelves, from image file to marked image.

The served model is minimal: images that the client has prepared go in, raw boxes and scores come out. Trained by
``train.py`` on drawn scenes.
"""

from models.commodity.client import detect, detect_all, make_prediction
from models.commodity.draw import as_png, draw_detections
from models.commodity.examples import examples
from models.commodity.golden import GoldenImage, difference, golden_images
from models.commodity.metrics import average_precisions
from models.commodity.model import NAME, build, export, export_builder, export_first
from models.commodity.postprocess import Detection, postprocess
from models.commodity.preprocess import decode_image, preprocess
from models.commodity.products import CLASSES
from models.commodity.reference import forward
from models.commodity.shelves import HELD_OUT_SEED, Scene, draw_scene, draw_scenes

__all__ = [
    "CLASSES",
    "HELD_OUT_SEED",
    "NAME",
    "Detection",
    "GoldenImage",
    "Scene",
    "as_png",
    "average_precisions",
    "build",
    "decode_image",
    "detect",
    "detect_all",
    "difference",
    "draw_detections",
    "draw_scene",
    "draw_scenes",
    "examples",
    "export",
    "export_builder",
    "export_first",
    "forward",
    "golden_images",
    "make_prediction",
    "postprocess",
    "preprocess",
]
