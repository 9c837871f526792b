"""The message classes and stubs of TensorFlow Serving, without the 5 s that importing TensorFlow takes.

tensorflow-serving-api's modules import ``tensorflow.core...``, whose parent package runs TensorFlow's whole
start-up. The generated modules need none of it: they are plain protobuf descriptors. So, if TensorFlow has not
been imported yet, a bare package with TensorFlow's search path stands in for it while they load, and leaves
again: a later ``import tensorflow`` runs as always and finds these very classes, so messages built by
``tf.make_tensor_proto`` and ours are of one type.

Everything in the harness takes its messages from here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["load"]

_LOCK = threading.RLock()

_APIS = "tensorflow_serving.apis."
_CORE = "tensorflow.core."

_MODULES = {
    "classification_pb2": _APIS + "classification_pb2",
    "config_pb2": _CORE + "protobuf.config_pb2",
    "example_pb2": _CORE + "example.example_pb2",
    "feature_pb2": _CORE + "example.feature_pb2",
    "file_system_storage_path_source_pb2": "tensorflow_serving.config.file_system_storage_path_source_pb2",
    "get_model_metadata_pb2": _APIS + "get_model_metadata_pb2",
    "get_model_status_pb2": _APIS + "get_model_status_pb2",
    "inference_pb2": _APIS + "inference_pb2",
    "input_pb2": _APIS + "input_pb2",
    "meta_graph_pb2": _CORE + "protobuf.meta_graph_pb2",
    "model_management_pb2": _APIS + "model_management_pb2",
    "model_pb2": _APIS + "model_pb2",
    "model_server_config_pb2": "tensorflow_serving.config.model_server_config_pb2",
    "model_service_pb2_grpc": _APIS + "model_service_pb2_grpc",
    "predict_pb2": _APIS + "predict_pb2",
    "prediction_log_pb2": _APIS + "prediction_log_pb2",
    "prediction_service_pb2_grpc": _APIS + "prediction_service_pb2_grpc",
    "regression_pb2": _APIS + "regression_pb2",
    "saved_model_pb2": _CORE + "protobuf.saved_model_pb2",
    "tensor_pb2": _CORE + "framework.tensor_pb2",
    "tensor_shape_pb2": _CORE + "framework.tensor_shape_pb2",
    "types_pb2": _CORE + "framework.types_pb2",
}


@contextmanager
def _bare_tensorflow_package() -> Iterator[None]:
    """Let ``tensorflow.core...`` be imported without running ``tensorflow/__init__.py``."""
    if "tensorflow" in sys.modules:
        yield
        return
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or spec.submodule_search_locations is None:
        msg = "tensorflow is not installed, and tensorflow-serving-api needs its messages: pip install tensorflow"
        raise ModuleNotFoundError(msg, name="tensorflow")
    bare = types.ModuleType("tensorflow")
    bare.__path__ = list(spec.submodule_search_locations)
    sys.modules["tensorflow"] = bare
    try:
        yield
    finally:
        if sys.modules.get("tensorflow") is bare:
            del sys.modules["tensorflow"]


def load(name: str) -> Any:
    """Return the generated module of that short name, e.g. ``load("predict_pb2")``.

    Raises:
        KeyError: the name is not in the table above.
        ModuleNotFoundError: tensorflow or tensorflow-serving-api is not installed.
    """
    full_name = _MODULES[name]
    module = sys.modules.get(full_name)
    if module is not None:
        return module
    with _LOCK, _bare_tensorflow_package():
        return importlib.import_module(full_name)


def __getattr__(name: str) -> Any:
    """``from harness.protos import predict_pb2`` loads that module at first use."""
    if name in _MODULES:
        return load(name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
