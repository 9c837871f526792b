"""Traps that signatures show without a call: each is found where it is, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness import RestClient, serve
from harness.checks.contract import check
from harness.checks.contract.trap_rules import unfit_for_examples
from harness.checks.contract.traps import TRAPS, find_traps
from harness.checks.subject import Subject
from harness.errors import StatusError
from harness.savedmodel import preflight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness import Server, Signature
    from harness.findings import Finding

NAMES = [trap.name for trap in TRAPS]
# Those whose only mistake, if it is one, the corpus of odd models has by design.
CORPUS = {
    "bad_signatures": ["unfit for Classify or Regress"],
    "defaults": ["defaults that REST does not use"],
    "dtypes": ["dtypes that REST cannot carry"],
    "examples": [],
    "failing": [],
    "half_plus_two": ["foreign method name"],
    "image": [],
    "no_default_signature": ["no serving_default"],
    "shapes": ["no outputs", "unknown rank", "no inputs over REST"],
    "strings": [],
    "two_inputs": [],
}


@pytest.fixture
def traps_of(make: Any) -> Callable[..., list[Finding]]:
    """A function that returns the traps in these signatures, of a server with REST if asked for."""

    def find(*signatures: Signature, rest: bool = True) -> list[Finding]:
        named = {one.name: one for one in signatures}
        client = make.client("rest" if rest else "grpc", named, make.refuse)
        return find_traps(Subject(model="m", signatures=named, **{client.api: client}))

    return find


@pytest.mark.parametrize(("model", "expected"), CORPUS.items(), ids=CORPUS.keys())
def test_what_the_odd_models_show(
    traps_of: Callable[..., list[Finding]], corpus_models: Path, model: str, expected: list[str]
) -> None:
    """Models made odd in one respect show that trap alone; sound ones show none."""
    signatures = preflight(corpus_models / model).latest.signatures
    assert [finding.subject for finding in traps_of(*signatures.values())] == expected


@pytest.mark.parametrize(("model", "lines"), [("multi", 0), ("text", 0), ("half_plus_two", 1)])
def test_sound_models_make_no_noise(opened: Callable[..., Subject], model: str, lines: int) -> None:
    """An example model has one line for its sources, one for its contract, and at most one for a limit it has."""
    findings = check(opened(model))
    assert len(findings) == 2 + lines
    assert all(finding.passed for finding in findings)


def test_a_model_without_signatures_is_an_error(traps_of: Callable[..., list[Finding]]) -> None:
    """Nothing about it can be asked, so the run fails with the remedy; that it has no serving_default goes without."""
    (finding,) = traps_of()
    assert (finding.subject, finding.fails) == ("nothing to call", True)
    assert "export it with signatures=" in finding.seen


COUNTED = [
    ("input", "keras_tensor"),
    ("input", "keras_tensor_3"),
    ("input", "input_layer_2"),
    ("input", "dense_input"),
    ("input", "conv2d_4_input"),
    ("input", "input_2"),
    ("output", "dense"),
    ("output", "dense_12"),
    ("output", "softmax_1"),
]


@pytest.mark.parametrize(("side", "name"), COUNTED)
def test_names_that_keras_counted_are_a_warning(
    traps_of: Callable[..., list[Finding]], make: Any, side: str, name: str
) -> None:
    """Names with a number from the exporting process can change with the next export: callers are warned of them."""
    specs = {f"{side}s": [make.spec(name)]}
    (finding,) = traps_of(make.signature(**specs), make.signature(**specs, name="serve"))
    assert (finding.subject, finding.severity, finding.passed) == ("names that Keras counted", "warning", False)
    assert finding.seen.startswith(f"{side} {name} of serving_default, serve - ")
    assert "keras.Input(..., name=...)" in finding.seen


POSITION = [
    (["args_0"], ["y"], "input args_0"),
    (["args_0", "args_0_1"], ["y"], "input args_0 of serving_default; input args_0_1"),
    (["inputs", "inputs_1"], ["y"], "input inputs_1"),
    (["input_1", "input_2"], ["y"], "input input_1 of serving_default; input input_2"),
    (["x"], ["output_0", "output_1"], "output output_0 of serving_default; output output_1"),
]


@pytest.mark.parametrize(("inputs", "outputs", "places"), POSITION)
def test_names_by_position_are_an_info(
    traps_of: Callable[..., list[Finding]], make: Any, inputs: list[str], outputs: list[str], places: str
) -> None:
    """Names that only count arguments stay as long as the order stays: worth a line, not a warning."""
    (finding,) = traps_of(make.signature(list(map(make.spec, inputs)), list(map(make.spec, outputs))))
    assert (finding.subject, finding.severity, finding.passed) == ("names by position", "info", True)
    assert finding.seen.startswith(f"{places} of serving_default - ")


@pytest.mark.parametrize(
    ("inputs", "outputs"), [(["inputs"], ["output_0"]), (["probs"], ["probs_1"]), (["a_1"], ["b_1"])]
)
def test_other_names_are_nobodys_business(
    traps_of: Callable[..., list[Finding]], make: Any, inputs: list[str], outputs: list[str]
) -> None:
    """One tensor alone may be called what its place suggests, and numbers at the end of chosen names are chosen."""
    assert traps_of(make.signature(list(map(make.spec, inputs)), list(map(make.spec, outputs)))) == []


def test_batches_of_one_size_are_an_info(traps_of: Callable[..., list[Finding]], make: Any) -> None:
    """A first size that is fixed on every input and output alike is a batch nobody can change."""
    fixed = make.signature([make.spec("x", shape=(1, 3))], [make.spec("y", shape=(1,))])
    (finding,) = traps_of(fixed)
    assert finding.subject == "batches of one size"
    assert finding.seen.startswith("serving_default (x: float32 [1, 3]) - ")


@pytest.mark.parametrize(
    ("of_input", "of_output"), [((16000,), (16000,)), ((1, 3), (96, 4)), ((None, 3), (None, 3)), ((), ()), ((1, 3), ())]
)
def test_other_fixed_sizes_are_no_batches(
    traps_of: Callable[..., list[Finding]], make: Any, of_input: Any, of_output: Any
) -> None:
    """A waveform, a table of constants, a scalar: sizes that differ, or that are all there is, are no batch."""
    assert traps_of(make.signature([make.spec("x", shape=of_input)], [make.spec("y", shape=of_output)])) == []


def test_limits_of_rest_concern_servers_with_rest_alone(traps_of: Callable[..., list[Finding]], make: Any) -> None:
    """Dtypes, defaults and missing inputs that REST cannot do are named only where there is REST."""
    half = make.signature([make.spec("x", "float16")], [make.spec("y", "bfloat16")])
    default = make.signature([replace(make.spec("x"), has_default=True)], name="d")
    constant = replace(make.signature(name="c"), inputs=())
    assert traps_of(half, default, constant, rest=False) == []
    found = {finding.subject: finding.seen for finding in traps_of(half, default, constant)}
    assert list(found) == ["dtypes that REST cannot carry", "defaults that REST does not use", "no inputs over REST"]
    assert found["dtypes that REST cannot carry"].startswith(
        "float16 input x of serving_default; bfloat16 output y of serving_default - "
    )


def test_many_places_are_cut(traps_of: Callable[..., list[Finding]], make: Any) -> None:
    """Of more than six places the first six are named, and how many there are more."""
    (finding,) = traps_of(make.signature([make.spec(f"keras_tensor_{number}") for number in range(9)]))
    assert "input keras_tensor_5 of serving_default; and 3 more - " in finding.seen


@pytest.fixture(scope="module")
def odd_server(corpus_models: Path) -> Iterator[Server]:
    """A stand-in with models whose signatures are for Classify and Regress, fit and unfit."""
    names = ("bad_signatures", "half_plus_two", "examples")
    with serve({name: corpus_models / name for name in names}, backend="standin") as server:
        yield server


# What only the values show: how many rows come back.
SHOWN_BY_CALLS = {"class_batches", "class_batches_classes", "regress_batch"}


@pytest.mark.parametrize("model", ["bad_signatures", "half_plus_two", "examples"])
def test_signatures_named_unfit_are_those_that_are_refused(odd_server: Server, model: str) -> None:
    """Exactly the signatures that the rule names are refused by the server for Classify and Regress."""
    with RestClient(odd_server.endpoint_of(model)) as client:
        signatures = {name: one for name, one in client.signatures().items() if not one.is_internal}
        named = {place.partition(" ")[0] for place in unfit_for_examples(signatures)}
        refused = {name for name, one in signatures.items() if _is_refused(client, name, one.method_name)}
    assert named == refused - SHOWN_BY_CALLS


def _is_refused(client: RestClient, name: str, method_name: str) -> bool:
    method = {"classify": client.classify, "regress": client.regress}.get(method_name.rpartition("/")[2])
    if method is None:
        return False
    try:
        method([{"x": 2.0}] * 3, signature_name=name)
    except StatusError:
        return True
    return False


def test_keras_names_are_found_as_keras_writes_them(
    traps_of: Callable[..., list[Finding]], tf: Any, tmp_path: Path
) -> None:
    """A Keras 3 model with unnamed inputs, exported twice in one process, changes its input's name."""
    import keras

    assert tf.__version__
    found = []
    for number in ("1", "2"):
        entry = keras.Input((3,))
        keras.Model(entry, keras.layers.Dense(2)(entry)).export(tmp_path / number, verbose=False)
        signatures = preflight(tmp_path, versions=[int(number)]).latest.signatures
        found.append([spec.name for spec in signatures["serving_default"].inputs])
        assert [finding.subject for finding in traps_of(*signatures.values())] == ["names that Keras counted"]
    assert found[0] != found[1]
