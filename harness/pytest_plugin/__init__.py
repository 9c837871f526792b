"""The pytest plugin: options, fixtures and reports. Registered through the entry point ``pytest11``.

What a test sees are the fixtures of ``harness.pytest_plugin.fixtures``; what a repository can say of its own models is
the hook ``pytest_serving_models``; the rest is bookkeeping for the report.
"""

from harness.pytest_plugin.collecting import (
    pytest_collection_modifyitems,
    pytest_generate_tests,
    pytest_report_collectionfinish,
    pytest_runtestloop,
)
from harness.pytest_plugin.fixtures import (
    client,
    endpoint,
    grpc_client,
    record_finding,
    record_measurement,
    record_picture,
    record_throughput,
    rest_client,
    server,
    server_usage,
    serving_benchmark,
    serving_config,
    serving_inputs,
    serving_load,
    serving_model,
    serving_pipeline,
    serving_servers,
    serving_subject,
)
from harness.pytest_plugin.gating import run_serving_gate
from harness.pytest_plugin.hooks import (
    pytest_addhooks,
    pytest_configure,
    pytest_report_header,
    pytest_runtest_makereport,
    pytest_runtest_setup,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_unconfigure,
)
from harness.pytest_plugin.options import pytest_addoption
from harness.pytest_plugin.xdist import pytest_configure_node, pytest_testnodedown

__all__ = [
    "client",
    "endpoint",
    "grpc_client",
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_generate_tests",
    "pytest_report_collectionfinish",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_runtestloop",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "pytest_unconfigure",
    "record_finding",
    "record_measurement",
    "record_picture",
    "record_throughput",
    "rest_client",
    "run_serving_gate",
    "server",
    "server_usage",
    "serving_benchmark",
    "serving_config",
    "serving_inputs",
    "serving_load",
    "serving_model",
    "serving_pipeline",
    "serving_servers",
    "serving_subject",
]
