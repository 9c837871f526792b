"""The calls behind the REST URLs: predict, classify, regress, status and metadata.

The order of the checks is the server's: the body's JSON comes before the look-up of the model, so a broken body
for an unknown model is a broken body (behaviour items 134 and 172).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.protos import classification_pb2, model_pb2, regression_pb2
from harness.standin import classify, metadata, regress
from harness.standin.json.debug import echo
from harness.standin.json.example import classify_reply, fill_input, regress_reply
from harness.standin.json.metadata import metadata_body
from harness.standin.json.reader import parse
from harness.standin.json.reply import predict_reply
from harness.standin.json.status import status_body
from harness.standin.json.syntax import JsonSyntaxError
from harness.standin.json.tensor import fill_inputs
from harness.standin.json.value import MISSING, JsonObject
from harness.standin.rest.predict import Calls, run_call
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.standin.core import ServerCore
    from harness.standin.rest.handler import RestRequest
    from harness.standin.rest.url import ModelPath

__all__ = ["RestCalls"]


class RestCalls:
    """Answers what a URL names, as the body of a reply."""

    def __init__(self, core: ServerCore, *, timeout_s: float | None) -> None:
        """Answer with the core's models; a run may take ``timeout_s`` seconds, None for no limit."""
        self._core = core
        self._timeout_s = timeout_s
        self._calls = Calls()
        # The verbs of a URL are matched in any case but known in lower case only (behaviour item 120).
        self._posts: dict[str, Callable[[RestRequest, ModelPath], bytes | bytearray]] = {
            "predict": self._predict,
            "classify": self._classify,
            "regress": self._regress,
        }

    def call(self, request: RestRequest, path: ModelPath, whole_path: str) -> bytes | bytearray:
        """Return the body of the reply; ``whole_path`` is the URL's path as it was sent.

        Raises:
            StatusError: the request cannot be answered.
        """
        if request.method == "POST":
            answer = self._posts.get(path.what)
            if answer is None:
                raise StatusError("INVALID_ARGUMENT", f"Malformed request: POST {whole_path}")
            return answer(request, path)
        if path.what == "metadata":
            return self._metadata(path)
        if not path.name:
            raise StatusError("INVALID_ARGUMENT", "Missing model name in request.")
        return status_body(self._core.model_status(path.name, path.version))

    def _metadata(self, path: ModelPath) -> bytes:
        if not path.name:
            raise StatusError("INVALID_ARGUMENT", "Missing model name in request.")
        with self._core.servable(_spec(path)) as servable:
            return metadata_body(servable.name, servable.version, metadata.signature_def_map(servable))

    def _predict(self, request: RestRequest, path: ModelPath) -> bytearray:
        document, signature_name = _read(request)
        with self._core.servable(_spec(path)) as servable:
            call = self._calls.find(servable, signature_name)
            form, tensors = fill_inputs(document, call.inputs)
            del document
            outputs = run_call(self._core, servable, call, tensors, model=path.name, timeout_s=self._timeout_s)
            del tensors
        return predict_reply(outputs, form)

    def _classify(self, request: RestRequest, path: ModelPath) -> bytes:
        call = classification_pb2.ClassificationRequest()
        return classify_reply(self._on_examples(request, path, call, classify.run_classify))

    def _regress(self, request: RestRequest, path: ModelPath) -> bytes:
        call = regression_pb2.RegressionRequest()
        return regress_reply(self._on_examples(request, path, call, regress.run_regress))

    def _on_examples(self, request: RestRequest, path: ModelPath, call: Any, run: Any) -> Any:
        """Fill and run a classification or regression request; return its result."""
        document, signature_name = _read(request)
        fill_input(document, call.input)
        spec = _spec(path)
        with self._core.servable(spec) as servable:
            if signature_name and signature_name not in servable.signature_defs:
                raise StatusError("INVALID_ARGUMENT", f"No signature was found with the name: {signature_name}")
            spec.signature_name = signature_name
            call.model_spec.CopyFrom(spec)
            return run(self._core, servable, call, self._timeout_s).result


def _read(request: RestRequest) -> tuple[JsonObject, str]:
    """Return the request's JSON object and the signature name in it, empty if there is none."""
    document = _parse(request.take_body())
    if type(document) is not JsonObject:
        raise StatusError("INVALID_ARGUMENT", f"JSON Value: {echo(document)} Is not object")
    name = document.find(b"signature_name")
    if name is MISSING:
        return document, ""
    if type(name) is not bytes:
        text = f"JSON Value: {echo(document)} not formatted correctly. 'signature_name' key must be a string value."
        raise StatusError("INVALID_ARGUMENT", text)
    return document, name.decode("utf-8", "surrogateescape")


def _parse(body: bytes | bytearray) -> Any:
    if not body:
        raise StatusError("INVALID_ARGUMENT", "JSON Parse error: The document is empty")
    try:
        return parse(body)
    except JsonSyntaxError as error:
        raise StatusError("INVALID_ARGUMENT", f"JSON Parse error: {error}") from None


def _spec(path: ModelPath) -> Any:
    """Return the ModelSpec of a URL; names that are not UTF-8 name nothing."""
    spec = model_pb2.ModelSpec()
    try:
        spec.name = path.name
    except (UnicodeError, ValueError):
        if path.label is not None:
            raise _unknown_label(path.label) from None
        wanted = f"Latest({path.name})" if path.version is None else f"Specific({path.name}, {path.version})"
        raise StatusError("NOT_FOUND", f"Servable not found for request: {wanted}") from None
    if path.version is not None:
        spec.version.value = path.version
    if path.label is not None:
        try:
            spec.version_label = path.label
        except (UnicodeError, ValueError):
            raise _unknown_label(path.label) from None
    return spec


def _unknown_label(label: str) -> StatusError:
    return StatusError("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}")
