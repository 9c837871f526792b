"""Which image to run, and whether it can be had and runs on the engine: each answer within seconds."""

from __future__ import annotations

import re
import threading
from importlib import metadata
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from harness.servers.engine import api_version, engine_client, engine_platform
from harness.servers.remedies import AMD64_ONLY, ENGINE_GONE

if TYPE_CHECKING:
    from harness.servers.spec import ServerSpec

__all__ = [
    "default_image",
    "digest_of",
    "image_of",
    "platform_fault",
    "unavailable_text",
    "why_no_image",
    "with_hub_prefix",
]

_REGISTRY_TIMEOUT_S = 3.0
_HUB = "Docker Hub"
_NO_SUCH_TAG = "its registry has no such tag"
# (pattern in what an engine says of a registry, what that means, remedy)
_PULL_FAULTS = (
    (r"invalid reference format|must be lowercase", "that is no name of an image", "give e.g. {default}"),
    (r"manifest unknown|manifest for .* not found|name unknown|no such image: .*404", _NO_SUCH_TAG, ""),
    (r"no matching manifest|does not match the specified platform", "it is for another platform", AMD64_ONLY),
    (
        r"denied|unauthorized|authentication required|no basic auth",
        "{registry} wants a login, or has no such repository",
        "{login}, or check the name",
    ),
    (
        r"toomanyrequests|rate limit",
        "{registry} lets you pull no more for now",
        "{login}, or wait",
    ),
    (
        r"x509|certificate|HTTP response to HTTPS client",
        "the engine does not trust {registry}",
        "give the engine its certificate, or list it among the engine's insecure-registries",
    ),
    (
        r"dial tcp|no such host|connection refused|i/o timeout|unreachable|proxyconnect|Client\.Timeout|EOF|pinging",
        "the engine cannot reach {registry}",
        "where there is a network: docker pull {image}, docker save; here: docker load",
    ),
)


def default_image() -> str:
    """Return ``tensorflow/serving`` with the version of the installed tensorflow-serving-api."""
    return f"tensorflow/serving:{metadata.version('tensorflow-serving-api')}"


def image_of(spec: ServerSpec) -> str:
    """Return the image a spec asks for, by tag or digest."""
    return spec.image if spec.image is not None else default_image()


def with_hub_prefix(image: str) -> str:
    """Return the name under which testcontainers asks for an image: its settings may name a mirror."""
    from testcontainers.core.config import testcontainers_config

    return f"{getattr(testcontainers_config, 'hub_image_name_prefix', '')}{image}"  # before 4.10 there is none


def why_no_image(image: str, *, platform: str | None = None, is_asked_for: bool = False) -> str:
    """Return why an image cannot be run; empty if it is on the engine, or its registry shows it.

    Args:
        image: by tag or digest.
        platform: the one asked for; None for the engine's own.
        is_asked_for: whether to try where an engine cannot be asked what a registry has, as podman's.
    """
    try:
        with engine_client() as client:
            found = client.images.get(image).attrs
    except ImageNotFound:
        return _registry_fault(image, platform, is_asked_for=is_asked_for)
    except APIError as exc:
        return unavailable_text(image, said(exc))
    except RequestException as exc:
        return f"{ENGINE_GONE} ({exc})"
    return platform_fault(image, [f"{found['Os']}/{found['Architecture']}"], asked=platform, own=engine_platform())


def platform_fault(image: str, offered: list[str], *, asked: str | None, own: str) -> str:
    """Return why an image does not suit; empty if one of its platforms is the one wanted.

    An engine would emulate another platform without being asked, many times slower and without AVX, or podman run the
    wrong one without a word.

    Args:
        image: its name.
        offered: the image's platforms, e.g. ``linux/amd64``.
        asked: the platform asked for; None for the engine's own.
        own: the engine's.
    """
    wanted = own if asked is None else asked
    if not offered or any(f"{wanted}/".startswith(f"{one}/") for one in offered):
        return ""
    whose = "the engine runs" if asked is None else "asked for was"
    return f"the image {image} is for {', '.join(dict.fromkeys(offered))}, but {whose} {wanted}; {AMD64_ONLY}"


def _registry_fault(image: str, platform: str | None, *, is_asked_for: bool) -> str:
    """Ask the engine for the manifest, in a thread of its own: offline, an engine may try for minutes."""
    answer: list[str] = []
    thread = threading.Thread(target=_ask_registry, args=(image, platform, is_asked_for, answer), daemon=True)
    thread.start()
    thread.join(_REGISTRY_TIMEOUT_S)
    return answer[0] if answer else unavailable_text(image, f"no answer within {_REGISTRY_TIMEOUT_S:g} s: i/o timeout")


def _ask_registry(image: str, platform: str | None, is_asked_for: bool, answer: list[str]) -> None:  # noqa: FBT001 - a thread's
    from testcontainers.core.docker_client import DockerClient

    try:
        # testcontainers' own client, for it logs in as its settings say
        client = DockerClient(version=api_version(), timeout=int(_REGISTRY_TIMEOUT_S)).client
        try:
            found = client.images.get_registry_data(image).attrs.get("Platforms") or []
            offered = [f"{one.get('os')}/{one.get('architecture')}" for one in found]
            answer.append(platform_fault(image, offered, asked=platform, own=engine_platform()))
        finally:
            client.close()
    except APIError as exc:
        if exc.status_code == 404 and "manifest" not in str(exc):  # podman has no such call
            answer.append("" if is_asked_for else _unasked_text(image))
        else:
            answer.append(unavailable_text(image, said(exc)))
    except Exception as exc:  # noqa: BLE001 - reported, whatever it is
        answer.append(unavailable_text(image, f"{type(exc).__name__}: {said(exc)}"))


def _unasked_text(image: str) -> str:
    return f"the image {image} is not on the engine, which cannot say what a registry has; podman pull {image} first"


def said(error: Exception) -> str:
    """Return an engine's own words, in one line."""
    return " ".join(str(getattr(error, "explanation", None) or error).split())


def unavailable_text(image: str, seen: str) -> str:
    """Return what keeps an image from being pulled, and the remedy.

    Args:
        image: by tag or digest.
        seen: what the engine says.
    """
    registry = _registry_of(image)
    login = "docker login" if registry == _HUB else f"docker login {registry}"
    names = {"registry": registry, "login": login, "image": image, "default": default_image()}
    found = next((rest for pattern, *rest in _PULL_FAULTS if re.search(pattern, seen)), ["it cannot be pulled", ""])
    what, remedy = (text.format(**names) for text in found)
    remedy = remedy or (_tags_to_try(image) if what == _NO_SUCH_TAG else f"docker pull {image} says more")
    return f"the image {image} is not on the engine, and {what} ({seen[:200]}); {remedy}{_at_hand(image)}"


def _registry_of(image: str) -> str:
    first, slash, _ = image.partition("/")
    return first if slash and (set(first) & set(".:") or first == "localhost") else _HUB


def _repository_of(image: str) -> str:
    name = image.partition("@")[0]
    head, _, tag = name.rpartition(":")
    return head if head and "/" not in tag else name


def _tags_to_try(image: str) -> str:
    repository = _repository_of(image)
    tag = image.partition("@")[0].removeprefix(repository).lstrip(":")
    version = re.fullmatch(r"(\d+\.\d+)\.\d+(-\w+)?.*", tag)
    if version is None:
        return f"see which tags {repository} has"
    kind = version[2] or ""
    near = (f"{repository}:{one}{kind}" for one in (f"{version[1]}.0", f"{version[1]}.1", "latest"))
    others = ", ".join(name for name in near if name != image)
    return f"not every release of the API has an image: try --serving-image with {others}"


def _at_hand(image: str) -> str:
    """Return which images of that repository the engine has."""
    try:
        with engine_client() as client:
            tags = sorted({tag for one in client.images.list(name=_repository_of(image)) for tag in one.tags})
    except (DockerException, RequestException):
        return ""
    return f"; the engine has {', '.join(tags[:6])}: name one with --serving-image" if tags else ""


def digest_of(image: Any, name: str) -> str:
    """Return the digest of an image on the engine: its repository's, or its id where it was never in a registry."""
    digests: list[str] = image.attrs.get("RepoDigests") or []
    own = [digest for digest in digests if digest.partition("@")[0].endswith(_repository_of(name))]
    return str((own or digests or [image.id])[0].rpartition("@")[2])
