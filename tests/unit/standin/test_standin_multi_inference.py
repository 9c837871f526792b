"""MultiInference takes tasks that go together, and says why others do not (behaviour item 73)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from google.protobuf import text_format

from harness.protos import inference_pb2, meta_graph_pb2
from harness.standin.core import CoreOptions
from harness.standin.monitoring import Metrics
from harness.standin.multi_inference import run_tasks
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SIGNATURE = 'inputs {{ key: "inputs" value {{ name: "{}" }} }} outputs {{ key: "{}" value {{ name: "{}" }} }}'
_CORE: Any = SimpleNamespace(options=CoreOptions(), metrics=Metrics())


def signature(input_name: str, key: str, output_name: str) -> Any:
    """A signature from one tensor to another."""
    return text_format.Parse(_SIGNATURE.format(input_name, key, output_name), meta_graph_pb2.SignatureDef())


class _Servable:
    """A model whose outputs are ones."""

    name, version = "m", 7
    signature_defs: ClassVar[dict[str, Any]] = {
        "regress": signature("text:0", "outputs", "y:0"),
        "scores": signature("text:0", "scores", "s:0"),
        "elsewhere": signature("other:0", "outputs", "y:0"),
    }

    def run(self, feeds: Mapping[str, Any], fetches: Sequence[str], *, timeout_ms: int | None = None) -> list[Any]:
        """Return a row of one for each example."""
        assert timeout_ms is None
        (examples,) = feeds.values()
        return [np.ones((len(examples), 1), np.float32) for _ in fetches]


def answer(*tasks: tuple[str, str]) -> Any:
    """The answer to tasks of (signature, method), with one example."""
    request = inference_pb2.MultiInferenceRequest()
    for name, method in tasks:
        task = request.tasks.add(method_name="tensorflow/serving/" + method)
        task.model_spec.name, task.model_spec.signature_name = "m", name
    request.input.example_list.examples.add()
    servable: Any = _Servable()
    return run_tasks(_CORE, servable, request, None)


def test_each_task_gets_its_result() -> None:
    """The results come in the order of the tasks, each with its signature."""
    first, second = answer(("regress", "regress"), ("scores", "classify")).results
    assert first.regression_result.regressions[0].value == 1.0
    assert second.classification_result.classifications[0].classes[0].score == 1.0
    assert (first.model_spec.signature_name, second.model_spec.signature_name) == ("regress", "scores")


def test_all_tasks_read_the_same_tensor() -> None:
    """There is one run for all tasks, so all must be fed in the same place."""
    with pytest.raises(StatusError) as caught:
        answer(("scores", "classify"), ("elsewhere", "regress"))
    assert (caught.value.code, caught.value.message) == (
        "INVALID_ARGUMENT",
        "Input tensor must be the same for all Signatures.",
    )


@pytest.mark.parametrize(
    ("tasks", "code", "text"),
    [
        ([("none", "regress")], "INVALID_ARGUMENT", "Requested signature not found in model graph: none"),
        ([("none", "guess")], "INVALID_ARGUMENT", "Requested signature not found in model graph: none"),
        ([("regress", "guess")], "UNIMPLEMENTED", "Unsupported signature method_name: tensorflow/serving/guess"),
        ([("regress", "regress")] * 2, "INVALID_ARGUMENT", "Duplicate evaluation of signature: regress"),
    ],
)
def test_tasks_that_do_not_fit(tasks: list[tuple[str, str]], code: str, text: str) -> None:
    """Signature, then method, then what is asked twice."""
    with pytest.raises(StatusError) as caught:
        answer(*tasks)
    assert (caught.value.code, caught.value.message) == (code, text)
