"""Spoilt requests over REST, and how tensorflow_model_server refuses them (behaviour items 111-172)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hypothesis import strategies as st

from harness.checks.fuzz.mutations import (
    UNKNOWN_LABELS,
    UNKNOWN_MODELS,
    UNKNOWN_NAMES,
    UNKNOWN_SIGNATURES,
    UNKNOWN_VERSIONS,
    Base,
    Mutation,
    Raw,
    moved,
    server_name,
    words_of,
)
from harness.checks.fuzz.values import plain_element
from harness.dtypes import dtype_of_name
from harness.tensors_json import dumps, to_json_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import SearchStrategy

    from harness.clients.inputs import Target
    from harness.signatures import TensorSpec

    Make = Callable[[Base], SearchStrategy[Raw] | None]

__all__ = ["OF_EXAMPLES", "OF_METHOD", "OF_PREDICT"]

_JSON_OF_OTHERS: dict[str, tuple[Any, ...]] = {
    "float": ("1", True, None),
    "int": ("1", 1.5, True, None),
    "uint": ("1", 1.5, True, None),
    "bool": ("true", 1, None),
    "string": (1, True, None),
}
_BAD_BASE64 = ("*", "_-_-", "YQ==YQ==")


def _path(target: Target, verb: str) -> str:
    path = f"/v1/models/{quote(target.model, safe='')}"
    if target.version is not None:
        path += f"/versions/{target.version}"
    elif target.label is not None:
        path += f"/labels/{quote(target.label, safe='')}"
    return path + verb


def _post(base: Base, body: bytes, target: Target | None = None, **words: Any) -> Raw:
    return Raw(where=_path(target or base.target, f":{base.method}"), body=body, words=words)


def _document(base: Base, parts: Any, target: Target | None = None) -> bytes:
    return dumps({"signature_name": (target or base.target).signature_name, **parts})


def _sound_parts(base: Base) -> dict[str, Any]:
    return {"instances": [1]} if base.method == "predict" else {"examples": [{"x": 1.0}]}


# What is wrong with the body as such, or with the target; the inputs are looked at later (items 134 and 172).


def _bodies(*bodies: bytes) -> Make:
    return lambda base: st.sampled_from(bodies).map(lambda body: _post(base, body))


def _cut(base: Base) -> SearchStrategy[Raw]:
    """An object is broken wherever it is cut."""
    body = _document(base, _sound_parts(base))
    return st.integers(1, len(body) - 1).map(lambda size: _post(base, body[:size]))


def _nameless(base: Base) -> SearchStrategy[Raw]:
    bodies = [dumps({**_sound_parts(base), "signature_name": name}) for name in (1, None, [base.target.signature_name])]
    return st.sampled_from(bodies).map(lambda body: _post(base, body))


def _verbless(base: Base) -> SearchStrategy[Raw]:
    paths = [_path(base.target, verb) for verb in ("", "/predict", ":run", f":{base.method}/")]
    body = _document(base, _sound_parts(base))
    return st.sampled_from(paths).map(lambda path: Raw(where=path, body=body))


def _elsewhere(part: str, values: Sequence[Any]) -> Make:
    def request(base: Base, value: Any) -> Raw:
        target = moved(base.target, part, value)
        return _post(base, _document(base, _sound_parts(base), target), target, **words_of(target))

    return lambda base: st.sampled_from(values).map(lambda value: request(base, value))


def _unknown_signature(*methods: str) -> Make:
    make = _elsewhere("signature_name", UNKNOWN_SIGNATURES)
    return lambda base: make(base) if base.method in methods else None


OF_METHOD: tuple[Mutation, ...] = (
    Mutation(name="an empty body", code=400, text="JSON Parse error: The document is empty", make=_bodies(b"")),
    Mutation(name="truncated JSON", code=400, text="JSON Parse error: ", make=_cut),
    Mutation(
        name="a body that is no object", code=400, text=" Is not object", make=_bodies(b"1", b"[]", b"null", b'"text"')
    ),
    Mutation(
        name="a signature name that is no text",
        code=400,
        text="'signature_name' key must be a string value",
        make=_nameless,
    ),
    Mutation(name="a path without a method", code=400, text="Malformed request: POST ", make=_verbless),
    Mutation(
        name="an unknown model",
        code=404,
        text="Servable not found for request: Latest(%(model)s)",
        make=_elsewhere("model", UNKNOWN_MODELS),
    ),
    Mutation(
        name="an unknown version",
        code=404,
        text="Servable not found for request: Specific(%(model)s, %(version)s)",
        make=_elsewhere("version", UNKNOWN_VERSIONS),
    ),
    Mutation(
        name="an unknown label",
        code=400,
        text="Unrecognized servable version label: %(label)s",
        make=_elsewhere("label", UNKNOWN_LABELS),
    ),
    Mutation(
        name="an unknown signature",
        code=400,
        text='Serving signature name: "%(signature)s" not found in signature def',
        make=_unknown_signature("predict"),
    ),
    Mutation(
        name="an unknown signature",
        code=400,
        text="No signature was found with the name: %(signature)s",
        make=_unknown_signature("classify", "regress"),
    ),
)


# What is wrong with the inputs.


def _parts(*choices: dict[str, Any]) -> Make:
    return lambda base: st.sampled_from([_document(base, parts) for parts in choices]).map(
        lambda body: _post(base, body)
    )


def _one_less(base: Base) -> SearchStrategy[Raw]:
    def request(name: str) -> Raw:
        values = {key: to_json_value(array, name=key) for key, array in base.inputs.items() if key != name}
        return _post(base, _document(base, {"inputs": values}), input=name)

    return st.sampled_from(sorted(base.inputs)).map(request)


def _one_more(base: Base) -> SearchStrategy[Raw]:
    """In column form the server takes no notice of one more (item 152)."""
    return st.sampled_from(UNKNOWN_NAMES).map(
        lambda name: _post(base, _document(base, {"instances": [{name: 1}]}), extra=name)
    )


def _with_value(base: Base, spec: TensorSpec, value: Any) -> Raw:
    values = {name: to_json_value(array, name=name) for name, array in base.inputs.items()}
    body = _document(base, {"inputs": {**values, spec.name: value}})
    return _post(base, body, wanted=server_name(spec.dtype), input=spec.name)


def _with_values(values_of: Callable[[TensorSpec], Sequence[Any]]) -> Make:
    """Return what makes requests with one input of a value that cannot be."""

    def make(base: Base) -> SearchStrategy[Raw] | None:
        pairs = [(spec, value) for spec in base.signature.inputs for value in values_of(spec)]
        return st.sampled_from(pairs).map(lambda pair: _with_value(base, *pair)) if pairs else None

    return make


def _is_text(spec: TensorSpec) -> bool:
    return dtype_of_name(spec.dtype).is_string


def _of_other_types(spec: TensorSpec) -> Sequence[Any]:
    others = _JSON_OF_OTHERS[dtype_of_name(spec.dtype).kind]
    return others if _is_text(spec) else (*others, {"b64": "YQ=="})


def _bad_base64(spec: TensorSpec) -> Sequence[Any]:
    return [{"b64": text} for text in _BAD_BASE64] if _is_text(spec) else ()


def _ragged(spec: TensorSpec) -> Sequence[Any]:
    one = plain_element(dtype_of_name(spec.dtype))
    value = one.decode() if isinstance(one, bytes) else one
    return ([[value], [value, value]], [[[value]], [[value], [value]]])


OF_PREDICT: tuple[Mutation, ...] = (
    Mutation(
        name="a missing input", code=400, text="Missing named input: %(input)s in 'inputs' object.", make=_one_less
    ),
    Mutation(name="an extra input", code=400, text="does not have named input: %(extra)s", make=_one_more),
    Mutation(
        name="neither instances nor inputs",
        code=400,
        text="Missing 'inputs' or 'instances' key",
        make=_parts({}, {"examples": [1]}),
    ),
    Mutation(
        name="both instances and inputs",
        code=400,
        text="expecting only one of 'inputs' or 'instances' keys",
        make=_parts({"instances": [1], "inputs": [1]}),
    ),
    Mutation(
        name="instances that are no list",
        code=400,
        text="Expecting 'instances' to be an list/array",
        make=_parts({"instances": 1}, {"instances": {}}, {"instances": None}),
    ),
    Mutation(name="no instances", code=400, text="No values in 'instances' array", make=_parts({"instances": []})),
    Mutation(
        name="a wrong dtype",
        code=400,
        text="is not of expected type: %(wanted)s",
        make=_with_values(_of_other_types),
    ),
    Mutation(name="bad base64", code=400, text="Unable to base64 decode", make=_with_values(_bad_base64)),
    Mutation(
        name="ragged lists",
        code=400,
        text="Encountered list at unexpected size: 2 at level: ",
        make=_with_values(_ragged),
    ),
)

OF_EXAMPLES: tuple[Mutation, ...] = (
    Mutation(
        name="no key 'examples'",
        code=400,
        text="key 'examples' is expected and was not found",
        make=_parts({}, {"instances": [{"x": 1.0}]}),
    ),
    Mutation(
        name="examples that are no list",
        code=400,
        text="Expecting 'examples' value to be an list/array",
        make=_parts({"examples": {"x": 1.0}}, {"examples": 1}),
    ),
    Mutation(name="no examples", code=400, text="'examples' value is an empty array", make=_parts({"examples": []})),
    Mutation(
        name="an example that is no object",
        code=400,
        text="Example must be JSON object but got JSON ",
        make=_parts({"examples": [1]}, {"examples": ["x"]}),
    ),
    Mutation(
        name="a feature without a kind",
        code=400,
        text="has element with unexpected JSON type: ",
        make=_parts({"examples": [{"x": None}]}, {"examples": [{"x": [[1.0]]}]}),
    ),
    Mutation(
        name="a feature of two kinds",
        code=400,
        text="Unexpected element type in feature: x expecting type: ",
        make=_parts({"examples": [{"x": [1, 2.5]}]}, {"examples": [{"x": [1.5, "text"]}]}),
    ),
)
