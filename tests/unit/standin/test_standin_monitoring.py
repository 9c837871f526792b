"""The metrics page is proper Prometheus text with the genuine names and buckets."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.standin.monitoring import Metrics


def page(metrics: Metrics) -> str:
    """The metrics page."""
    return metrics.render().decode()


def samples(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """Values of one series by its labels' values, as an independent parser reads them."""
    text = page(metrics).replace(":tensorflow:serving:", "")
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_without_requests_there_are_types_only() -> None:
    """Every metric is announced, none has a value."""
    lines = page(Metrics()).splitlines()
    assert all(line.startswith("# TYPE :tensorflow:serving:") for line in lines)
    assert "# TYPE :tensorflow:serving:request_count counter" in lines
    assert "# TYPE :tensorflow:serving:request_latency histogram" in lines


def test_requests_are_counted_by_model_and_status() -> None:
    """Each answer counts under its model and code."""
    metrics = Metrics()
    for code in ("OK", "OK", "NOT_FOUND"):
        metrics.count_request("m", code)
    assert ':tensorflow:serving:request_count{model_name="m",status="OK"} 2' in page(metrics)
    assert metrics.value("/tensorflow/serving/request_count") == 3


def test_an_unknown_metric_is_zero() -> None:
    """ReloadConfigRequest may ask for any name (behaviour item 97)."""
    assert Metrics().value("no/such/metric") == 0


@pytest.mark.parametrize("name", ["request_count", ":tensorflow:serving:request_count", "/tensorflow/serving/nothing"])
def test_a_metric_has_one_name(name: str) -> None:
    """Neither a part of a name nor the name on the Prometheus page is its name in requests."""
    metrics = Metrics()
    metrics.count_request("m", "OK")
    assert metrics.value(name) == 0


def test_latencies_fall_into_buckets() -> None:
    """Buckets begin at 10 microseconds, grow by 1.8, and add up (behaviour item 193)."""
    metrics = Metrics()
    for microseconds in (5, 10, 11, 1e12):
        metrics.observe_latency("m", "Predict", "GRPC", microseconds)
    text = page(metrics)
    labels = 'model_name="m",API="Predict",entrypoint="GRPC"'
    assert f':tensorflow:serving:request_latency_bucket{{{labels},le="10"}} 2' in text
    assert f':tensorflow:serving:request_latency_bucket{{{labels},le="18"}} 3' in text
    assert f':tensorflow:serving:request_latency_bucket{{{labels},le="+Inf"}} 4' in text
    assert f":tensorflow:serving:request_latency_count{{{labels}}} 4" in text
    assert text.count("request_latency_bucket") == 34


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "modèle"])
def test_names_are_escaped(name: str) -> None:
    """Any model name survives the way through the page."""
    metrics = Metrics()
    metrics.count_request(name, "OK")
    assert samples(metrics, "request_count") == {(name, "OK"): 1.0} or samples(metrics, "request_count_total")


def test_batches_and_warm_up_are_recorded() -> None:
    """The rest of the metrics have the genuine labels."""
    metrics = Metrics()
    metrics.observe_batch(4, 1)
    metrics.observe_input_rows(3, 2)
    metrics.observe_queuing(0.001)
    metrics.count_wrapped_run()
    metrics.observe_warm_up("/m/1", "OK", 0.5)
    metrics.count_warm_up_record("/m/1")
    metrics.count_examples("m", 3)
    text = page(metrics)
    assert ':tensorflow:serving:batching_session:padding_size_count{execution_batch_size="4"} 1' in text
    assert ":tensorflow:serving:batching_session:input_batch_size_count{} 2" in text
    assert ':tensorflow:serving:batching_session:queuing_latency_count{thread_pool_name=""} 1' in text
    assert ":tensorflow:serving:batching_session:wrapped_run_count{} 1" in text
    assert ':tensorflow:serving:model_warmup_latency_count{model_path="/m/1",status="OK"} 1' in text
    assert ':tensorflow:serving:request_example_count_total{model="m"} 3' in text
