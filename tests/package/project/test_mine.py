"""What a user of the installed package writes."""

from harness import assert_close


def test_rest_and_grpc_agree(rest_client, grpc_client):
    """Both APIs answer the same."""
    inputs = {"x": [1.0, 2.5]}
    assert_close(rest_client.predict(inputs), grpc_client.predict(inputs))


def test_values(client):
    """The model doubles, over either API."""
    assert client.predict({"x": [1.0, 2.5]})["doubled"].tolist() == [2.0, 5.0]


def test_latency(benchmark, grpc_client):
    """A prediction takes its time, which pytest-benchmark notes."""
    benchmark(grpc_client.predict, {"x": [1.0]})
