"""MultiInference: several classifications and regressions of the same examples in one run (behaviour item 73)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.protos import inference_pb2, model_pb2
from harness.standin import classify, regress
from harness.standin.examples import serialized_examples
from harness.standin.predict import DEFAULT_SIGNATURE, fill_model_spec, milliseconds
from harness.standin.status import StatusError

if TYPE_CHECKING:
    import numpy as np

    from harness.standin.core import ServerCore
    from harness.standin.predict import Runtime
    from harness.standin.servable import Servable

__all__ = ["run_multi_inference", "run_tasks"]


@dataclass(frozen=True)
class _Task:
    """One inference wanted: which signature, how, and the tensors it needs."""

    name: str
    signature: Any
    method: str
    input_name: str
    output_names: list[str]


def run_multi_inference(core: ServerCore, request: Any, deadline_s: float | None) -> Any:
    """Answer a MultiInferenceRequest; the first task alone says which version is used.

    Raises:
        StatusError: the tasks do not fit together or the model, the input is empty, or the run failed.
    """
    spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
    with core.servable(spec) as servable:
        return run_tasks(core, servable, request, deadline_s)


def run_tasks(core: Runtime, servable: Servable, request: Any, deadline_s: float | None) -> Any:
    """Like :func:`run_multi_inference`, with a servable that was found and pinned already."""
    tasks = _tasks(core, servable, request.tasks)
    examples = serialized_examples(request.input)
    feeds = {task.input_name: examples for task in tasks}
    fetches = sorted({name for task in tasks for name in task.output_names})
    outputs = servable.run(feeds, fetches, timeout_ms=milliseconds(deadline_s))
    core.metrics.count_examples(request.tasks[0].model_spec.name, len(examples))
    return _response(servable, tasks, len(examples), dict(zip(fetches, outputs, strict=True)))


def _tasks(core: Runtime, servable: Servable, wanted: Any) -> list[_Task]:
    model_name, tasks = "", []
    seen: set[str] = set()
    for task in wanted:
        spec = task.model_spec
        if not spec.name:
            raise StatusError("INVALID_ARGUMENT", "Found ModelSpec with an empty model name.")
        if model_name and spec.name != model_name:
            text = "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            raise StatusError("INVALID_ARGUMENT", text)
        model_name, name = spec.name, spec.signature_name or DEFAULT_SIGNATURE
        if name in seen:
            raise StatusError("INVALID_ARGUMENT", f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        tasks.append(_task(servable, name, task.method_name, check_method=core.options.check_method_names))
        if tasks[-1].input_name != tasks[0].input_name:
            raise StatusError("INVALID_ARGUMENT", "Input tensor must be the same for all Signatures.")
    return tasks


def _task(servable: Servable, name: str, method: str, *, check_method: bool) -> _Task:
    if name not in servable.signature_defs:
        raise StatusError("INVALID_ARGUMENT", f"Requested signature not found in model graph: {name}")
    signature = servable.signature_defs[name]
    if method == classify.METHOD:
        input_name, outputs = classify.classify_tensors(signature, check_method=check_method)
    elif method == regress.METHOD:
        input_name, output = regress.regress_tensors(signature, check_method=check_method)
        outputs = [output]
    else:
        raise StatusError("UNIMPLEMENTED", f"Unsupported signature method_name: {method}")
    return _Task(name, signature, method, input_name, outputs)


def _response(
    servable: Servable, tasks: list[_Task], num_examples: int, tensors: dict[str, np.ndarray[Any, Any]]
) -> Any:
    response = inference_pb2.MultiInferenceResponse()
    for task in tasks:
        result = response.results.add()
        if task.method == classify.METHOD:
            classify.fill_classifications(result.classification_result, task.signature, num_examples, tensors)
        else:
            regress.fill_regressions(result.regression_result, num_examples, tensors[task.output_names[0]])
        fill_model_spec(result.model_spec, servable, task.name)
    return response
