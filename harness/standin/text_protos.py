"""Configuration messages that tensorflow-serving-api does not ship: batching, TLS, monitoring and the like.

They are only ever read from text files, so field names and types are all that matters; the numbers are ours.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = ["new_message"]

_PACKAGE = "tensorflow.serving"
_TYPES = {
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
}
_INT, _BOOL, _STRING, _ANY = "IntValue", "BoolValue", "TextValue", "AnyValue"

# Message to fields; a field's type may be another message of the table, and a star means repeated.
_MESSAGES = {
    _INT: {"value": "int64"},
    _BOOL: {"value": "bool"},
    _STRING: {"value": "string"},
    "BatchingParameters": {
        "max_batch_size": _INT,
        "batch_timeout_micros": _INT,
        "max_enqueued_batches": _INT,
        "num_batch_threads": _INT,
        "thread_pool_name": _STRING,
        "allowed_batch_sizes": "int64*",
        "pad_variable_length_inputs": "bool",
        "enable_large_batch_splitting": _BOOL,
        "max_execution_batch_size": _INT,
    },
    "SSLConfig": {"server_key": "string", "server_cert": "string", "custom_ca": "string", "client_verify": "bool"},
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
    _ANY: {"type_url": "string", "value": "string"},
    "PlatformConfig": {"source_adapter_config": _ANY},
    "PlatformConfigEntry": {"key": "string", "value": "PlatformConfig"},
    "PlatformConfigMap": {"platform_configs": "PlatformConfigEntry*"},
    "ThreadPoolConfig": {"thread_pool_factory_config": _ANY},
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="harness/standin/text_protos.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field_name, kind) in enumerate(fields.items(), start=1):
            _add_field(message, field_name, kind, number)
    return file


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, kind: str, number: int) -> None:
    field = message.field.add(name=name, number=number)
    repeated = kind.endswith("*")
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    scalar = _TYPES.get(kind.rstrip("*"))
    if scalar is None:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{kind.rstrip('*')}"
    else:
        field.type = scalar


_POOL = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(_file().SerializeToString())


def new_message(name: str) -> Any:
    """Return an empty message of the table, e.g. a BatchingParameters."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))()
