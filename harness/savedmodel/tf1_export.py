"""Export of TF1 graphs, with the SavedModelBuilder: predict, classify and regress signatures of one graph.

def build():
    examples = tf.compat.v1.placeholder(tf.string, [None], name="tf_example")
    ...
    return {"serving_default": GraphSignature(inputs={"x": x}, outputs={"y": y}),
            "regress_x_to_y": GraphSignature(method="regress", inputs={"inputs": examples}, outputs={"outputs": y})}

base_path = export_v1(build, to="build/half_plus_two")
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import ExportError
from harness.savedmodel.meta_graph import METHOD_NAMES
from harness.savedmodel.tf2_export import base_path_of, finish_and_publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["GraphSignature", "export_v1"]


@dataclass(frozen=True, kw_only=True)
class GraphSignature:
    """One signature of a TF1 graph.

    Attributes:
        inputs: tensors to feed by the names requests use; ``inputs`` alone (serialised tf.Examples, string [N]) for
            classify and regress.
        outputs: tensors to fetch by the names answers use; ``classes`` (string [N, C]) and/or ``scores`` (float32
            [N, C]) for classify, ``outputs`` (float32 [N] or [N, 1]) for regress.
        method: the API it is for.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    method: Literal["predict", "classify", "regress"] = field(default="predict")


def export_v1(
    build: Callable[[], Mapping[str, GraphSignature]],
    *,
    to: str | Path,
    name: str | None = None,
    version: int | None = None,
    restore: Callable[[Any], object] | None = None,
    warmup: Iterable[Any] = (),
    tags: Iterable[str] = ("serve",),
) -> Path:
    """Export a TF1 graph as a new version under a base path.

    Args:
        build: called with a new graph as default; builds it and returns its signatures by name.
        to: the base path; with ``name``, its parent.
        name: the servable's name, the last component of the base path.
        version: the number to publish as; None for the one after the highest there.
        restore: called with the session once the variables are initialised, e.g. to load trained weights.
        warmup: requests as ``write_warmup`` takes them.
        tags: the tags of the graph.

    Returns:
        The base path, as ``export`` does and with its guarantees.

    Raises:
        ExportError: as ``export``; or ``build`` gave no signatures.
    """
    base_path = base_path_of(to, name)
    tag_list = list(tags)

    def write(staged: Path) -> None:
        _build_and_save(build, restore, staged, tag_list)

    finish_and_publish(base_path, write, version=version, warmup=warmup)
    return base_path


def _build_and_save(
    build: Callable[[], Mapping[str, GraphSignature]],
    restore: Callable[[Any], object] | None,
    directory: Path,
    tags: list[str],
) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        signatures = _signature_defs(build())
        with v1.Session(graph=graph) as session, _without_deprecation_notes():
            session.run([v1.global_variables_initializer(), v1.tables_initializer()])
            if restore is not None:
                restore(session)
            builder = v1.saved_model.Builder(str(directory))
            builder.add_meta_graph_and_variables(
                session,
                tags,
                signature_def_map=signatures,
                assets_collection=graph.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
                main_op=v1.tables_initializer(),
                strip_default_attrs=True,
            )
            builder.save()


def _signature_defs(signatures: Mapping[str, GraphSignature]) -> dict[str, Any]:
    import tensorflow as tf

    if not signatures:
        raise ExportError("the graph-building function returned no signatures, so no client could call the model")
    tools = tf.compat.v1.saved_model
    with _without_deprecation_notes():
        return {
            name: tools.build_signature_def(
                inputs={key: tools.build_tensor_info(tensor) for key, tensor in signature.inputs.items()},
                outputs={key: tools.build_tensor_info(tensor) for key, tensor in signature.outputs.items()},
                method_name=METHOD_NAMES[signature.method],
            )
            for name, signature in signatures.items()
        }


@contextmanager
def _without_deprecation_notes() -> Iterator[None]:
    """TensorFlow warns on every use that these functions are of TF1; whoever calls export_v1 knows."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
