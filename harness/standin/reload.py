"""HandleReloadConfigRequest: a new model list by remote call (behaviour items 95 to 100)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.protos import model_management_pb2
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from harness.standin.core import ServerCore

__all__ = ["handle_reload"]


def handle_reload(core: ServerCore, request: Any) -> Any:
    """Answer a ReloadConfigRequest; returns once the models that are new are available.

    Raises:
        StatusError: it holds no model list, the list is refused, or a new model did not become available.
    """
    if request.config.WhichOneof("config") != "model_config_list":
        text = (
            "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently "
            "supported"
        )
        raise StatusError("INVALID_ARGUMENT", text)
    names = list(request.metric_names)
    before = [core.metrics.value(name) for name in names]
    core.reload(request.config)
    response = model_management_pb2.ReloadConfigResponse()
    response.status.SetInParent()
    for name, old in zip(names, before, strict=True):
        response.metric.add(name=name, int64_value_increase=core.metrics.value(name) - old)
    return response
