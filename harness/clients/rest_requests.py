"""RestRequests: what a REST client sends, as the bodies and paths that load generators send in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.clients.client import BaseClient
from harness.clients.inputs import Target, to_arrays
from harness.clients.rest_codec import Layout, examples_body, predict_body
from harness.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RestRequests"]


class RestRequests(BaseClient):
    """The half of a REST client that makes requests and sends none."""

    def method_path(self, method: str, *, version: int | None = None, label: str | None = None) -> str:
        """Return the path that a method is posted to below the endpoint's URL, e.g. ``/v1/models/digits:classify``."""
        return f"{self._path(self._target(version, label))}:{method}"

    def predict_url(self, *, version: int | None = None, label: str | None = None) -> str:
        """Return the URL that ``predict`` posts to."""
        return self._address + self.method_path("predict", version=version, label=label)

    def encode_predict(
        self,
        inputs: Mapping[str, Any],
        *,
        signature_name: str = DEFAULT_SIGNATURE,
        layout: Layout = "column",
        version: int | None = None,
        label: str | None = None,
    ) -> bytes:
        """Return the body that ``predict`` would send, for load generators."""
        return self._predict_body(inputs, self._target(version, label, signature_name), layout)

    def encode_classify(
        self,
        examples: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = None,
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        label: str | None = None,
    ) -> bytes:
        """Return the body that ``classify`` would send, for load generators; version and label stand in the path.

        Raises:
            TensorError: a feature that a tf.Example cannot hold.
        """
        target = self._target(version, label, signature_name)
        return examples_body(examples, context, signature_name=target.signature_name)

    def encode_regress(
        self,
        examples: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = None,
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        label: str | None = None,
    ) -> bytes:
        """Return the body that ``regress`` would send, for load generators; it is the same as that of ``classify``."""
        return self.encode_classify(
            examples, context=context, signature_name=signature_name, version=version, label=label
        )

    def _predict_body(
        self, inputs: Mapping[str, Any], target: Target, layout: Layout, timeout_s: float | None = None
    ) -> bytes:
        arrays = to_arrays(inputs, lambda: self._known_signatures(target, timeout_s).get(target.signature_name))
        return predict_body(arrays, signature_name=target.signature_name, layout=layout)

    @staticmethod
    def _path(target: Target) -> str:
        path = f"/v1/models/{quote(target.model, safe='')}"
        if target.version is not None:
            return f"{path}/versions/{target.version}"
        if target.label is not None:
            return f"{path}/labels/{quote(target.label, safe='')}"
        return path
