"""How this server turns a version folder into a Servable: load, set up batching, warm up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.protos import config_pb2
from harness.standin.batching import Batcher, BatchThreads
from harness.standin.batching_parameters import read_batching_parameters, read_per_model_parameters
from harness.standin.model_config import check_text_proto, read_text_proto
from harness.standin.saved_model import load_saved_model
from harness.standin.servable import Servable
from harness.standin.status import StatusError
from harness.standin.text_protos import new_message
from harness.standin.warmup import WarmUp

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.standin.core import CoreOptions
    from harness.standin.flags import ParsedFlags
    from harness.standin.monitoring import Metrics
    from harness.standin.session import Session

__all__ = ["ServableLoader", "make_loader"]

_SERVE = "serve"


@dataclass(frozen=True, kw_only=True)
class ServableLoader:
    """Loads versions.

    Attributes:
        tags: the tags of the graph to load.
        session_config: a ConfigProto for the sessions.
        make_batcher: makes a version's batcher from its folder and session, or None; None for no batching at all.
        warm_up: replays a version's warm-up requests; None for no warm-up.
    """

    tags: tuple[str, ...]
    session_config: Any
    make_batcher: Callable[[Path, Session], Batcher | None] | None = None
    warm_up: Callable[[Servable], None] | None = None

    def __call__(self, name: str, version: int, path: str) -> Servable:
        """Load a version.

        Raises:
            StatusError: the folder cannot be loaded, or its warm-up requests fail.
        """
        try:
            return self._load(name, version, path)
        except OSError as fault:
            code = "PERMISSION_DENIED" if isinstance(fault, PermissionError) else "UNKNOWN"
            raise StatusError(code, f"{fault.filename or path}; {fault.strerror}") from fault
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as fault:
            # A SavedModel of a form nobody foresaw must fail its own load, not the manager's thread.
            raise StatusError("INTERNAL", f"{path}: {type(fault).__name__}: {fault}") from fault

    def _load(self, name: str, version: int, path: str) -> Servable:
        folder = Path(path)
        _reserve(name, version, folder)
        model = load_saved_model(folder, self.tags, self.session_config)
        batcher = None
        try:
            if self.make_batcher is not None:
                batcher = self.make_batcher(folder, model.session)
            servable = Servable(
                name=name,
                version=version,
                path=path,
                meta_graph=model.meta_graph,
                session=model.session,
                batcher=batcher,
            )
            if self.warm_up is not None:
                self.warm_up(servable)
        except BaseException:
            if batcher is not None:
                batcher.close()
            model.session.close()
            raise
        return servable


def _reserve(name: str, version: int, folder: Path) -> None:
    """The look at the folder's size that comes before a load; it fails for a plain file (behaviour item 83)."""
    if folder.exists() and not folder.is_dir():
        text = (
            f"Error while attempting to reserve resources to load servable {{name: {name} version: {version}}}: "
            f"{folder}; Not a directory"
        )
        raise StatusError("FAILED_PRECONDITION", text)


@dataclass(frozen=True)
class _Runtime:
    """What warm-up requests are run with."""

    options: CoreOptions
    metrics: Metrics


def make_loader(flags: ParsedFlags, options: CoreOptions, metrics: Metrics) -> ServableLoader:
    """The loader that the command line asks for.

    Raises:
        StatusError: a file named on the command line cannot be read, or flags contradict each other (items 12, 13).
    """
    if flags.platform_config_file:
        check_text_proto(flags.platform_config_file, new_message("PlatformConfigMap"))
    make_batcher = _batcher_maker(flags, metrics)
    warm_up = WarmUp(_Runtime(options, metrics), max(1, flags.num_request_iterations_for_warmup))
    return ServableLoader(
        tags=tuple((flags.saved_model_tags or _SERVE).split(",")),  # no tags at all stand for the usual one
        session_config=_session_config(flags),
        make_batcher=make_batcher,
        warm_up=warm_up if flags.enable_model_warmup else None,
    )


def _batcher_maker(flags: ParsedFlags, metrics: Metrics) -> Callable[[Path, Session], Batcher | None] | None:
    if not flags.enable_batching:
        if flags.batching_parameters_file:
            text = "batching_parameters_file is set without setting server_options.enable_batching to true."
            raise StatusError("INVALID_ARGUMENT", f"server_options.{text}")
        return None
    common = read_batching_parameters(flags.batching_parameters_file)
    threads = BatchThreads(common.num_batch_threads)

    def make(folder: Path, session: Session) -> Batcher | None:
        parameters = read_per_model_parameters(folder) if flags.enable_per_model_batching_parameters else common
        return None if parameters is None else Batcher(session, parameters, threads, metrics)

    return make


def _session_config(flags: ParsedFlags) -> Any:
    """The ConfigProto of every session; GPUs are left alone, as in the genuine server's CPU image."""
    config = config_pb2.ConfigProto()
    if flags.tensorflow_session_config_file:
        read_text_proto(flags.tensorflow_session_config_file, config)
    both, intra, inter = (
        flags.tensorflow_session_parallelism,
        flags.tensorflow_intra_op_parallelism,
        flags.tensorflow_inter_op_parallelism,
    )
    if min(both, intra, inter) > 0:
        text = (
            "Either configure server_options.tensorflow_session_parallelism or "
            "(server_options.tensorflow_intra_op_parallelism, server_options.tensorflow_inter_op_parallelism) "
            "separately. You cannot configure all."
        )
        raise StatusError("INVALID_ARGUMENT", text)
    if max(both, intra, inter) > 0:
        config.intra_op_parallelism_threads = intra or both
        config.inter_op_parallelism_threads = inter or both
    config.device_count["GPU"] = 0
    return config
