"""What a run ran with: the command and tools, the machine, the backend, and the models it served.

Numbers without these cannot be compared with any others, so every results file carries them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from harness.errors import ReportError

__all__ = ["AreaScore", "Backend", "Machine", "PassedOver", "Run", "ServedModel", "ServedSignature", "TensorInfo"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One invocation of the tests or of the command line.

    Attributes:
        created_utc: when it began, ISO 8601 with the offset of UTC, e.g. ``2031-04-05T06:07:08+00:00``.
        duration_s: how long it took.
        command: the command line, one entry per argument.
        versions: tool name to version: python, tensorflow, tensorflow-serving-api, numpy, harness ...
        interrupted: whether it was stopped before its end, so that what follows is only a part.
    """

    created_utc: str
    duration_s: float
    command: tuple[str, ...]
    versions: Mapping[str, str]
    interrupted: bool = False

    def __post_init__(self) -> None:
        """Refuse a time that cannot be compared with another."""
        try:
            offset = datetime.fromisoformat(self.created_utc.replace("Z", "+00:00")).utcoffset()
        except ValueError:
            offset = None
        if offset != timedelta(0):
            raise ReportError(
                f"run.created_utc must be an ISO 8601 time in UTC such as 2031-04-05T06:07:08+00:00, "
                f"got {self.created_utc!r}; use datetime.now(timezone.utc).isoformat()"
            )


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine that ran the tests and, unless the backend is external, the server.

    Attributes:
        cpu_model: the processor's name as the operating system gives it.
        cores: logical cores this process may use.
        memory_bytes: main memory.
        kernel: name and release of the kernel.
        os: the operating system's name and version.
    """

    cpu_model: str
    cores: int
    memory_bytes: int
    kernel: str
    os: str


@dataclass(frozen=True, kw_only=True)
class PassedOver:
    """A backend that would have come earlier, and why it could not be had.

    Attributes:
        name: ``container``, ``binary`` ...
        reason: why not, in one sentence.
    """

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AreaScore:
    """How much of one area of the genuine server's recorded traffic the stand-in answers alike.

    Attributes:
        area: e.g. ``rest_request``.
        as_recorded: exchanges answered as recorded.
        exchanges: exchanges compared.
    """

    area: str
    as_recorded: int
    exchanges: int


@dataclass(frozen=True, kw_only=True)
class Backend:
    """What served the models.

    Attributes:
        name: ``container``, ``binary``, ``standin`` or ``external``.
        reason: why this one, e.g. ``asked for by --serving-backend``.
        passed_over: the backends tried before it, in order.
        image: the container image, None without one.
        image_digest: its content digest, None if there is none.
        server_version: the server's own version, None if it does not tell.
        command: the server's command line; empty when the harness did not start it.
        conformance: of the stand-in, its score against recorded traffic of the genuine server, area by area.
    """

    name: str
    reason: str
    passed_over: tuple[PassedOver, ...] = ()
    image: str | None = None
    image_digest: str | None = None
    server_version: str | None = None
    command: tuple[str, ...] = ()
    conformance: tuple[AreaScore, ...] = ()

    @property
    def conformance_total(self) -> tuple[int, int]:
        """Exchanges answered as recorded, and exchanges compared, over all areas."""
        return sum(row.as_recorded for row in self.conformance), sum(row.exchanges for row in self.conformance)


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """One input or output of a signature.

    Attributes:
        name: its name in the signature.
        dtype: TensorFlow's name of the element type, e.g. ``float32``.
        shape: None for each size left open; None as a whole if even the rank is unknown.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, kw_only=True)
class ServedSignature:
    """One signature of a served model.

    Attributes:
        name: e.g. ``serving_default``.
        inputs: what it takes.
        outputs: what it answers.
    """

    name: str
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model under test.

    Attributes:
        name: the servable's name.
        base_path_name: the last component of its base path; the rest of the path is nobody's business.
        versions: the versions that were served.
        signatures: the latest version's signatures.
    """

    name: str
    base_path_name: str
    versions: tuple[int, ...] = ()
    signatures: tuple[ServedSignature, ...] = field(default=())

    def __post_init__(self) -> None:
        """Keep whole paths out of files that people pass around."""
        if "/" in self.base_path_name or "\\" in self.base_path_name:
            raise ReportError(
                f"model {self.name!r}: base_path_name takes the base path's last component only, "
                f"got {self.base_path_name!r}; pass Path(base_path).name"
            )
