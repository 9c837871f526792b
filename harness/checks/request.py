"""Request: one question to a served model, whatever API carries it, and how to ask it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.prediction import Classification, Prediction, Regression
from harness.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.clients.client import Client

__all__ = ["METHOD_OF_NAME", "Method", "Request", "answer_arrays", "ask", "send"]

Method = Literal["predict", "classify", "regress"]

# The method name in a signature decides which API runs it.
METHOD_OF_NAME: Mapping[str, Method] = {
    "tensorflow/serving/predict": "predict",
    "tensorflow/serving/classify": "classify",
    "tensorflow/serving/regress": "regress",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """A request to one signature.

    Attributes:
        signature_name: the signature it is for.
        method: the API it is for.
        inputs: array by input name, for predict; empty otherwise.
        examples: features by name for each tf.Example, for classify and regress; empty otherwise.
        context: features common to all examples.
        source: where the values come from, for people, e.g. ``golden three_rows`` or ``made up``.
        name: what it is called where it is recorded, e.g. ``three_rows``; empty if it has no name of its own.
    """

    signature_name: str = DEFAULT_SIGNATURE
    method: Method = "predict"
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    examples: tuple[Mapping[str, Any], ...] = ()
    context: Mapping[str, Any] | None = None
    source: str = ""
    name: str = ""

    @property
    def rows(self) -> int | None:
        """How many examples it holds; None if its inputs share no first dimension, so that it is no batch."""
        if self.method != "predict":
            return len(self.examples)
        sizes = {array.shape[0] if array.ndim else None for array in self.inputs.values()}
        return sizes.pop() if len(sizes) == 1 else None

    def take(self, rows: Sequence[int]) -> Request:
        """Return the same request with these rows of it, in this order; a row may be taken several times.

        Only for a request whose ``rows`` is a number.
        """
        chosen = list(rows)
        return replace(
            self,
            inputs={name: array[chosen] for name, array in self.inputs.items()},
            examples=tuple(self.examples[row] for row in chosen) if self.method != "predict" else (),
        )


def ask(
    client: Client,
    request: Request,
    *,
    version: int | None = None,
    label: str | None = None,
    timeout_s: float | None = None,
) -> dict[str, np.ndarray]:
    """Send a request and return the answer as arrays by output name, alike for all methods (see ``answer_arrays``).

    Raises:
        CallError: the server gave no answer.
        TensorError: inputs that this API cannot carry.
    """
    return answer_arrays(send(client, request, version=version, label=label, timeout_s=timeout_s))


def send(
    client: Client,
    request: Request,
    *,
    version: int | None = None,
    label: str | None = None,
    timeout_s: float | None = None,
) -> Prediction | Classification | Regression:
    """Send a request and return the answer as the client gives it, with the version that answered over gRPC.

    Raises:
        CallError: the server gave no answer.
        TensorError: inputs that this API cannot carry.
    """
    where: dict[str, Any] = {"version": version, "label": label, "timeout_s": timeout_s}
    where["signature_name"] = request.signature_name
    if request.method == "predict":
        return client.predict(request.inputs, **where)
    if request.method == "classify":
        return client.classify(request.examples, context=request.context, **where)
    return client.regress(request.examples, context=request.context, **where)


def answer_arrays(answer: Prediction | Classification | Regression) -> dict[str, np.ndarray]:
    """Return an answer's values as arrays by output name.

    Returns:
        Predict: the outputs. Classify: ``classes`` (bytes, object [N, C]) and ``scores`` (float32 [N, C]). Regress:
        ``outputs`` (float32 [N]).
    """
    if isinstance(answer, Prediction):
        return dict(answer.outputs)
    if isinstance(answer, Regression):
        return {"outputs": answer.values}
    return _class_arrays(answer)


def _class_arrays(answer: Classification) -> dict[str, np.ndarray]:
    width = max((len(row) for row in answer.classes), default=0)
    classes = np.full((len(answer.classes), width), b"", dtype=object)
    scores = np.zeros((len(answer.classes), width), np.float32)
    for index, row in enumerate(answer.classes):
        classes[index, : len(row)] = [one.label.encode("utf-8", "surrogateescape") for one in row]
        scores[index, : len(row)] = [one.score for one in row]
    return {"classes": classes, "scores": scores}
