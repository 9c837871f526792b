"""What a record says of machine, tools, backend and models."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from types import SimpleNamespace
from typing import Any, cast

from harness import __version__
from harness.prediction import VersionStatus
from harness.servers import BackendChoice
from harness.signatures import Signature, TensorSpec
from harness.surroundings import backend_of, machine, served_model, tool_versions


def test_machine_is_this_one() -> None:
    """Cores are those this process may use; nothing is empty."""
    here = machine()
    assert here.cores == len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert here.memory_bytes > 0
    assert here.cpu_model
    assert here.os
    assert platform.release() in here.kernel


def test_versions_are_those_installed() -> None:
    """Python, the harness, and each package by its distribution's metadata; nothing is imported for it."""
    versions = tool_versions()
    assert versions["python"] == platform.python_version()
    assert versions["harness"] == __version__
    assert versions["numpy"] == metadata.version("numpy")
    assert versions["tensorflow-serving-api"] == metadata.version("tensorflow-serving-api")


def _server(**engine: Any) -> Any:
    choice = BackendChoice(name="binary", reason="first that can run", rejected=(("container", "no engine"),))
    return cast("Any", SimpleNamespace(backend=choice, engine=SimpleNamespace(**engine)))


def test_backend_tells_no_folders_of_this_machine() -> None:
    """Absolute paths of the command line lose their folders, as words and as values of flags; flags stay."""
    command = ("/usr/bin/tensorflow_model_server", "--port=1", "--model_base_path=/home/me/models/digits", "--x=a/b")
    backend = backend_of(_server(command=command, image=None))
    assert backend.command == ("tensorflow_model_server", "--port=1", "--model_base_path=digits", "--x=a/b")
    assert [(one.name, one.reason) for one in backend.passed_over] == [("container", "no engine")]
    assert (backend.image, backend.image_digest) == (None, None)


def test_image_and_digest_are_told_apart() -> None:
    """The reference names what was asked for, the digest what ran."""
    backend = backend_of(_server(command=(), image="tensorflow/serving:2.19.0 (sha256:abc)"))
    assert (backend.image, backend.image_digest) == ("tensorflow/serving:2.19.0", "sha256:abc")


def test_served_model_lists_available_versions_and_callable_signatures() -> None:
    """Versions that are not available, and signatures that no client can call, are left out."""
    spec = TensorSpec(name="x", dtype="float32", shape=(None, 2))
    signatures = {
        name: Signature(name=name, method_name="tensorflow/serving/predict", inputs=(spec,), outputs=())
        for name in ("serving_default", "__saved_model_init_op")
    }
    statuses = [
        VersionStatus(version=version, state=state, error_code="OK", error_message="")
        for version, state in ((3, "AVAILABLE"), (2, "END"), (1, "AVAILABLE"))
    ]
    model = served_model("digits", "/home/me/build/digits", signatures, statuses)
    assert (model.name, model.base_path_name, model.versions) == ("digits", "digits", (1, 3))
    (signature,) = model.signatures
    assert (signature.name, signature.outputs) == ("serving_default", ())
    assert [(one.name, one.dtype, one.shape) for one in signature.inputs] == [("x", "float32", (None, 2))]
