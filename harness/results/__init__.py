"""The record of one run: what ran, where, against what, and what was found and measured.

``results.json`` is the one file every report is made from, and the one another tool would read. `Results` is that
file as a value; `read_results` and `write_results` are its edges. Its JSON Schema lies beside the report
(``harness/report/results.schema.json``) and is made from these classes by ``python -m harness.results.schema``.
"""

from harness.pictures import Picture
from harness.results.codec import SCHEMA_VERSION, from_json, to_json
from harness.results.files import check_writable, read_results, write_results, write_whole
from harness.results.fingerprint import Fingerprint
from harness.results.gated import Gated, GateVerdict, MetricRatio, Trend, TrendPoint
from harness.results.longer import Breakdown, ColdStart, Limit, Part, RateSearch, RateStep, Scenario, Soak
from harness.results.measured import Latency, ServerSide, Throughput, Window
from harness.results.model import Failure, Outcome, Results
from harness.results.surroundings import (
    AreaScore,
    Backend,
    Machine,
    PassedOver,
    Run,
    ServedModel,
    ServedSignature,
    TensorInfo,
)

__all__ = [
    "SCHEMA_VERSION",
    "AreaScore",
    "Backend",
    "Breakdown",
    "ColdStart",
    "Failure",
    "Fingerprint",
    "GateVerdict",
    "Gated",
    "Latency",
    "Limit",
    "Machine",
    "MetricRatio",
    "Outcome",
    "Part",
    "PassedOver",
    "Picture",
    "RateSearch",
    "RateStep",
    "Results",
    "Run",
    "Scenario",
    "ServedModel",
    "ServedSignature",
    "ServerSide",
    "Soak",
    "TensorInfo",
    "Throughput",
    "Trend",
    "TrendPoint",
    "Window",
    "check_writable",
    "from_json",
    "read_results",
    "to_json",
    "write_results",
    "write_whole",
]
