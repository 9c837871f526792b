"""What this run runs on and with: machine, tool versions, backend and models, for the record of results."""

from __future__ import annotations

import json
import os
import platform
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from harness import __version__
from harness.results import AreaScore, Backend, Machine, PassedOver, ServedModel, ServedSignature, TensorInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.prediction import VersionStatus
    from harness.servers import Server
    from harness.signatures import Signature, TensorSpec

__all__ = ["backend_of", "cpu_features", "machine", "served_model", "tool_versions"]

_TOOLS = ("tensorflow", "tensorflow-serving-api", "numpy", "grpcio", "requests", "pytest", "pytest-benchmark")

# As the kernel calls them, weakest first.
_KERNEL_FEATURES = (
    "sse4_2", "avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile",
)  # fmt: skip


def machine() -> Machine:
    """Return the machine this process runs on."""
    system = platform.uname()
    return Machine(
        cpu_model=_cpu_model(),
        cores=_cores(),
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{system.system} {system.release}",
        os=_os_name(),
    )


def _cpu_model() -> str:
    return _cpu_line("model name") or platform.processor() or platform.machine()


def cpu_features() -> tuple[str, ...]:
    """Return the instruction sets, among those by which TensorFlow and oneDNN choose their kernels, that this CPU has.

    Linux on x86 tells them; empty elsewhere.
    """
    flags = set(_cpu_line("flags").split())
    return tuple(name for name in _KERNEL_FEATURES if name in flags)


def _cpu_line(name: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")


def _cores() -> int:
    """Return the cores this process may use, which a container's CPU set may limit."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def tool_versions() -> dict[str, str]:
    """Return the versions of Python, the harness and the packages that matter, by name."""
    versions = {"python": platform.python_version(), "harness": __version__}
    for tool in _TOOLS:
        try:
            versions[tool] = metadata.version(tool)
        except metadata.PackageNotFoundError:
            continue
    return versions


def backend_of(server: Server) -> Backend:
    """Return what serves, for the record."""
    choice, image = server.backend, server.engine.image
    reference, _, digest = (image or "").partition(" ")
    return Backend(
        name=choice.name,
        reason=choice.reason,
        passed_over=tuple(PassedOver(name=name, reason=why) for name, why in choice.rejected),
        image=reference or None,
        image_digest=digest.strip("()") or None,
        command=tuple(map(_without_folders, server.engine.command)),
        conformance=_conformance() if choice.name == "standin" else (),
    )


def _conformance() -> tuple[AreaScore, ...]:
    """Return the stand-in's score as it was last recorded; the conformance suite fails where it is out of date."""
    text = resources.files("harness.standin").joinpath("conformance.json").read_text(encoding="utf-8")
    return tuple(AreaScore(**row) for row in json.loads(text))


def _without_folders(word: str) -> str:
    """Return a word of a command line without this machine's folders: ``/usr/bin/x``, ``--model_base_path=/tmp/x``."""
    flag, equals, value = word.rpartition("=")
    return f"{flag}{equals}{Path(value).name}" if value.startswith("/") else word


def served_model(
    name: str, base_path: str, signatures: Mapping[str, Signature], statuses: Iterable[VersionStatus]
) -> ServedModel:
    """Return what is served of one model, for the record."""
    return ServedModel(
        name=name,
        base_path_name=Path(base_path).name,
        versions=tuple(sorted(status.version for status in statuses if status.is_available)),
        signatures=tuple(
            ServedSignature(name=key, inputs=_infos(signature.inputs), outputs=_infos(signature.outputs))
            for key, signature in signatures.items()
            if not signature.is_internal
        ),
    )


def _infos(specs: Iterable[TensorSpec]) -> tuple[TensorInfo, ...]:
    return tuple(TensorInfo(name=spec.name, dtype=spec.dtype, shape=spec.shape) for spec in specs)
