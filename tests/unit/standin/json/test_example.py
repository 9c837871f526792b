"""Classify and regress bodies become Examples, results become replies."""

from __future__ import annotations

import pytest

from harness.protos import classification_pb2, input_pb2, regression_pb2
from harness.standin.json.example import classify_reply, fill_input, regress_reply
from harness.standin.json.reader import parse
from harness.standin.status import StatusError


def test_the_kind_of_a_feature_follows_its_tokens() -> None:
    """Decimals, integers, booleans, text and base64 each go to their list."""
    request_input = input_pb2.Input()
    body = b'{"examples": [{"f": [1.5, 1e-50], "i": 3, "t": [true, false], "s": ["a", {"b64": "YQ"}], "e": []}]}'
    fill_input(parse(body), request_input)
    (example,) = request_input.example_list.examples
    feature = example.features.feature
    assert list(feature["f"].float_list.value) == [1.5, 0.0]
    assert list(feature["i"].int64_list.value) == [3]
    assert list(feature["t"].int64_list.value) == [1, 0]
    assert list(feature["s"].bytes_list.value) == [b"a", b"a"]
    assert feature["e"].WhichOneof("kind") is None


def test_a_context_makes_a_list_with_context_even_if_empty() -> None:
    """The context is kept apart from the examples."""
    request_input = input_pb2.Input()
    fill_input(parse(b'{"context": {}, "examples": [{}]}'), request_input)
    assert request_input.WhichOneof("kind") == "example_list_with_context"
    assert request_input.example_list_with_context.HasField("context")


def test_the_last_of_equal_features_is_taken() -> None:
    """Unlike keys of a document, a feature given twice takes its last value."""
    request_input = input_pb2.Input()
    fill_input(parse(b'{"examples": [{"x": 1.0, "x": 2.0}]}'), request_input)
    assert list(request_input.example_list.examples[0].features.feature["x"].float_list.value) == [2.0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", "JSON Value: {} When method is classify, key 'examples' is expected and was not found"),
        ('{"examples": 1}', "JSON Value: {\n    \"examples\": 1\n} Expecting 'examples' value to be an list/array"),
        ('{"examples": []}', "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array"),
        ('{"examples": [1]}', "Example must be JSON object but got JSON Number"),
        ('{"context": [], "examples": [{}]}', "Example must be JSON object but got JSON Array"),
        ('{"examples": [{"x": null}]}', "Feature: x has element with unexpected JSON type: Null"),
        ('{"examples": [{"x": [[1]]}]}', "Feature: x has element with unexpected JSON type: Array"),
        ('{"examples": [{"x": {"b64": 1}}]}', "Feature: x has element with unexpected JSON type: Object"),
        ('{"examples": [{"x": [1, 2.0, null]}]}', "Unexpected element type in feature: x expecting type: int64"),
        ('{"examples": [{"x": [1.0, "a"]}]}', "Unexpected element type in feature: x expecting type: float"),
        ('{"examples": [{"x": ["a", 1]}]}', "Unexpected element type in feature: x expecting type: bytes"),
        (
            '{"examples": [{"x": 9223372036854775808}]}',
            "Feature: x has uint64_t element. Only int64_t is supported.",
        ),
        ('{"examples": [{"x": {"b64": "!"}}]}', "Unable to base64 decode"),
    ],
)
def test_faults_are_told_in_the_servers_words(body: str, message: str) -> None:
    """Each fault has its text; they are found in document order."""
    with pytest.raises(StatusError) as caught:
        fill_input(parse(body.encode()), input_pb2.Input())
    assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", message)


def test_results_are_laid_out_on_single_lines() -> None:
    """Classifications are lists of pairs, regressions a list of numbers."""
    result = classification_pb2.ClassificationResult()
    result.classifications.add().classes.add(label="é", score=0.5)
    result.classifications.add()
    assert classify_reply(result) == '{\n    "results": [[["é", 0.5]], []\n    ]\n}'.encode()
    regressions = regression_pb2.RegressionResult()
    regressions.regressions.add(value=3)
    regressions.regressions.add(value=0.1)
    assert regress_reply(regressions) == b'{\n    "results": [3.0, 0.1]\n}'
