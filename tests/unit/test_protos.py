"""Protos without TensorFlow's start-up, and with it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import protos

if TYPE_CHECKING:
    from collections.abc import Callable


def test_messages_are_had_without_tensorflow(fresh_python: Callable[[str], str]) -> None:
    """Every module of the table is loaded, and TensorFlow is not."""
    assert (
        fresh_python(
            "import sys\n"
            "from harness import protos\n"
            "for name in protos._MODULES: protos.load(name)\n"
            "print('tensorflow' in sys.modules, 'numpy' in sys.modules, 'keras' in sys.modules)\n"
        )
        == "False False False"
    )


def test_tensorflow_comes_later_with_the_same_classes(fresh_python: Callable[[str], str]) -> None:
    """``import tensorflow`` after the protos runs as always and shares their classes."""
    assert (
        fresh_python(
            "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\n"
            "from harness.protos import predict_pb2, tensor_pb2\n"
            "import tensorflow as tf\n"
            "from tensorflow.core.framework import tensor_pb2 as theirs\n"
            "import tensorflow_serving.apis.predict_pb2 as serving\n"
            "request = predict_pb2.PredictRequest()\n"
            "request.inputs['x'].CopyFrom(tf.make_tensor_proto([1.0]))\n"
            "same = theirs.TensorProto is tensor_pb2.TensorProto and serving is predict_pb2\n"
            "print(same, tf.make_ndarray(request.inputs['x']).tolist(), float(tf.constant(2.0) + 1))\n"
        )
        == "True [1.0] 3.0"
    )


def test_tensorflow_may_come_first(fresh_python: Callable[[str], str]) -> None:
    """Where TensorFlow is loaded already, its own classes are given."""
    assert (
        fresh_python(
            "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\n"
            "import tensorflow as tf\n"
            "from tensorflow.core.framework import tensor_pb2 as theirs\n"
            "from harness.protos import tensor_pb2\n"
            "print(theirs is tensor_pb2, type(tf.make_tensor_proto(1)) is tensor_pb2.TensorProto)\n"
        )
        == "True True"
    )


def test_threads_may_ask_at_once(fresh_python: Callable[[str], str]) -> None:
    """Several threads that need messages first get the same modules."""
    assert (
        fresh_python(
            "import sys\n"
            "from concurrent.futures import ThreadPoolExecutor\n"
            "from harness import protos\n"
            "names = list(protos._MODULES) * 4\n"
            "with ThreadPoolExecutor(8) as pool: modules = list(pool.map(protos.load, names))\n"
            "print(len({id(module) for module in modules}) == len(protos._MODULES), 'tensorflow' in sys.modules)\n"
        )
        == "True False"
    )


@pytest.mark.parametrize("name", sorted(protos._MODULES))
def test_every_name_is_a_module(name: str) -> None:
    """Each short name is importable and is the module of that name."""
    module = getattr(protos, name)
    assert module.__name__.endswith(name)
    assert protos.load(name) is module


def test_unknown_names_are_no_attributes() -> None:
    """A name that is not in the table is an AttributeError, for hasattr and import to work."""
    assert not hasattr(protos, "session_service_pb2")
    with pytest.raises(KeyError):
        protos.load("session_service_pb2")


def test_a_missing_tensorflow_is_named(fresh_python: Callable[[str], str]) -> None:
    """Without TensorFlow the error says what to install."""
    assert (
        fresh_python(
            "import importlib.util\n"
            "from harness import protos\n"
            "importlib.util.find_spec = lambda name: None\n"
            "try: protos.load('predict_pb2')\n"
            "except ModuleNotFoundError as error: print(error.name, 'pip install tensorflow' in str(error))\n"
        )
        == "tensorflow True"
    )
