"""The URL grammar takes and refuses what the recordings show."""

from __future__ import annotations

import pytest

from harness.standin.rest.url import ModelPath, VersionTooBigError, match_model, match_predict, route, split_target


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/models/m:predict", ModelPath("m", None, None, "predict")),
        ("/V1/MODELS/m:Predict", ModelPath("m", None, None, "Predict")),
        ("/v1/models/m/versions/0012:classify", ModelPath("m", 12, None, "classify")),
        ("/v1/models/m/labels/a%20b:regress", ModelPath("m", None, "a b", "regress")),
        ("/v1/models/a%2Fb%3Ac:predict", ModelPath("a/b:c", None, None, "predict")),
        ("/v1/models/%ff:predict", ModelPath("\udcff", None, None, "predict")),
        ("/v1/models/m?x=1:predict", ModelPath("m?x=1", None, None, "predict")),
        ("/v1/models/m", None),
        ("/v1/models/:predict", None),
        ("/v1/models/m:predict/", None),
        ("/v1/models/m:predict?x=1", None),
        ("/v1/models/m/versions/-1:predict", None),
        ("/v1/models/m/versions/1/labels/a:predict", None),
        ("/v1//models/m:predict", None),
    ],
)
def test_posts_match_their_grammar(path: str, expected: ModelPath | None) -> None:
    """A POST names a model, a version or a label, and a verb."""
    assert match_predict(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/models", ModelPath("", None, None, "")),
        ("/v1/models/m", ModelPath("m", None, None, "")),
        ("/v1/models/m?x=1", ModelPath("m?x=1", None, None, "")),
        ("/v1/models/m/metadata", ModelPath("m", None, None, "metadata")),
        ("/v1/models/metadata", ModelPath("metadata", None, None, "")),
        ("/v1/models/m/versions/7/METADATA", ModelPath("m", 7, None, "METADATA")),
        ("/v1/models/m/labels/x", ModelPath("m", None, "x", "")),
        ("/v1/models/m/", None),
        ("/v1/models/m/versions/x", None),
        ("/v1/models/m:predict", None),
    ],
)
def test_gets_match_their_grammar(path: str, expected: ModelPath | None) -> None:
    """A GET names a model, perhaps a version or label, perhaps its metadata."""
    assert match_model(path) == expected


@pytest.mark.parametrize("digits", ["9223372036854775808", "0" * 5 + "9223372036854775808", "9" * 5000])
def test_versions_beyond_int64_are_told_apart(digits: str) -> None:
    """A version that is no int64 is neither a match nor a miss."""
    with pytest.raises(VersionTooBigError):
        match_predict(f"/v1/models/m/versions/{digits}:predict")


def test_the_largest_version_is_taken() -> None:
    """int64's largest value, and any number of leading zeros, are fine."""
    found = match_model("/v1/models/m/versions/" + "0" * 3000 + "9223372036854775807")
    assert found is not None
    assert found.version == 2**63 - 1


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1/models/m", ("/v1/models/m", "/v1/models/m")),
        ("/a?b=/?c#d", ("/a", "/a?b=/?c#d")),
        ("http://host:80/a?b", ("/a", "/a?b")),
        ("//host/a", ("/a", "/a")),
        ("///a", ("/a", "/a")),
        ("http://u:p@host/a", ("/a", "/a")),
        ("http://[::1]:80/a", ("/a", "/a")),
        ("http://host:/a", ("/a", "/a")),
        ("http://host:65536/a", None),
        ("http://host:http/a", None),
        ("http://ho[st/a", None),
        ("/%zz", None),
        ("/%4", None),
        ('/a"b', None),
        ("/a[0]", None),
        ("/a?b#c#d", None),
    ],
)
def test_targets_are_read_as_strictly_as_by_libevent(target: str, expected: tuple[str, str] | None) -> None:
    """Bad escapes and characters are refused, absolute URLs stand for their path."""
    assert split_target(target) == expected


def test_long_targets_are_not_remembered() -> None:
    """A long target is read like a short one, without a place in the cache."""
    target = "/v1/models/" + "a" * 5000
    found = route("GET", target)
    assert found is not None
    assert found.model == ModelPath("a" * 5000, None, None, "")
