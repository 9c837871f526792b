"""The one exception tree of the harness.

    HarnessError                    everything the harness raises on purpose
    +-- UsageError                  an option or argument that cannot be used as given
    +-- TensorError                 a value that cannot become, or be read from, a tensor
    +-- SavedModelError             a SavedModel or base path that cannot be served or written
    |   +-- LayoutError             the folders are not what a server expects
    |   +-- ExportError             the model could not be exported
    +-- SignatureError              a signature that is missing, unreadable or unfit for the call
    +-- ServerError                 life cycle of a server; carries the server's last log lines
    |   +-- BackendUnavailableError the backend asked for cannot run here
    |   +-- StartupError            the server exited, or refused to start
    |   +-- NotReadyError           the server did not become ready before the deadline
    +-- CallError                   a request that brought no prediction; carries the request's coordinates
    |   +-- ConnectionFailedError   nothing answers at that address
    |   +-- WrongProtocolError      something answers, but not this protocol (gRPC on the REST port, or the reverse)
    |   +-- DeadlineError           no answer in time
    |   +-- ResponseError           the answer cannot be read
    |   +-- StatusError             the server answered with an error status
    +-- CheckError                  a check could not be carried out (its input is unfit)
    +-- ReportError                 results or a report that cannot be read or written

Each text says what was tried, what was seen, and the remedy.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "BackendUnavailableError",
    "CallError",
    "CheckError",
    "ConnectionFailedError",
    "DeadlineError",
    "ExportError",
    "HarnessError",
    "LayoutError",
    "NotReadyError",
    "ReportError",
    "ResponseError",
    "SavedModelError",
    "ServerError",
    "SignatureError",
    "StartupError",
    "StatusError",
    "TensorError",
    "UsageError",
    "WrongProtocolError",
]


class HarnessError(Exception):
    """Base of everything the harness raises on purpose."""


class UsageError(HarnessError):
    """An option or argument that cannot be used as given."""


class TensorError(HarnessError):
    """A value that cannot become a tensor, or a tensor that cannot be read."""


class SavedModelError(HarnessError):
    """A SavedModel or base path that cannot be served or written."""


class LayoutError(SavedModelError):
    """The folders under a base path are not what a server expects."""


class ExportError(SavedModelError):
    """A model that could not be exported."""


class SignatureError(HarnessError):
    """A signature that is missing, unreadable or unfit for the call."""


class ServerError(HarnessError):
    """Trouble in a server's life cycle.

    Attributes:
        log_tail: the last lines the server wrote, oldest first; empty if there are none.
    """

    def __init__(self, message: str, *, log_tail: tuple[str, ...] = ()) -> None:
        """Keep the message and the server's last log lines; both are printed."""
        self.log_tail = log_tail
        text = message
        if log_tail:
            text += "\n  last log lines:\n" + "\n".join(f"    | {line}" for line in log_tail)
        super().__init__(text)


class BackendUnavailableError(ServerError):
    """The backend asked for cannot run on this machine."""


class StartupError(ServerError):
    """The server exited, or refused, before it was ready."""


class NotReadyError(ServerError):
    """The server did not become ready before the deadline."""


class CallError(HarnessError):
    """A request that brought no prediction.

    Attributes:
        target: the address called, e.g. ``127.0.0.1:8500`` or ``http://127.0.0.1:8501``.
        api: ``grpc`` or ``rest``.
        request: what was asked, e.g. ``predict model=digits version=latest signature=serving_default``.
    """

    def __init__(self, message: str, *, target: str, api: str, request: str) -> None:
        """Print the message with the coordinates of the request."""
        self.target = target
        self.api = api
        self.request = request
        super().__init__(f"{message}\n  request: {request}\n  sent over {api} to {target}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive pickling (worker processes, copies), which by default calls the class with the text alone."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[CallError], args: tuple[Any, ...], state: dict[str, Any]) -> CallError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class ConnectionFailedError(CallError):
    """Nothing answers at that address."""


class WrongProtocolError(CallError):
    """Something answers at that address, but it does not speak this protocol."""


class DeadlineError(CallError):
    """No answer came before the deadline."""


class ResponseError(CallError):
    """An answer came, but it cannot be read."""


class StatusError(CallError):
    """The server answered with an error status.

    Attributes:
        code: canonical status name as gRPC spells it, e.g. ``NOT_FOUND``. Over REST it is derived from the HTTP
            status, which maps several codes to one (400 is given as ``INVALID_ARGUMENT``).
        http_status: the HTTP status, or None over gRPC.
        server_message: the server's text, whole.
    """

    def __init__(
        self,
        server_message: str,
        *,
        code: str,
        target: str,
        api: str,
        request: str,
        http_status: int | None = None,
        hint: str = "",
    ) -> None:
        """Print the server's own text first, then what was asked of it."""
        self.code = code
        self.http_status = http_status
        self.server_message = server_message
        status = code if http_status is None else f"{code} (HTTP {http_status})"
        text = f"{status}: {server_message}"
        if hint:
            text += f"\n  hint: {hint}"
        super().__init__(text, target=target, api=api, request=request)


class CheckError(HarnessError):
    """A check that could not be carried out because its input is unfit."""


class ReportError(HarnessError):
    """Results or a report that cannot be read or written."""
