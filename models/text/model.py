"""The functions of text, written with TensorFlow's string operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.savedmodel import export as export_model

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NAME", "build", "export", "serve"]

NAME = "text"


def serve(text: Any) -> dict[str, Any]:
    """Compute the outputs of ``text``, a string tensor [N].

    - ``normalised``: string [N], valid UTF-8 whatever came in (what is not becomes U+FFFD), ASCII letters lower case,
      runs of white space one space, none at the ends. Valid, because a server writes outputs into JSON as they are
      unless their names end in ``_bytes`` (behaviour item 165);
    - ``length``: int64 [N], bytes of the text as it came in;
    - ``reversed_bytes``: string [N], the bytes as they came in, last first, and so seldom valid UTF-8.
    """
    import tensorflow as tf

    valid = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    one_spaced = tf.strings.regex_replace(tf.strings.lower(valid), r"[ \t\r\n\f\v]+", " ")
    length = tf.strings.length(text)
    backwards = tf.reverse_sequence(tf.strings.bytes_split(text).to_tensor(), length, seq_axis=1, batch_axis=0)
    return {
        "normalised": tf.strings.strip(one_spaced),
        "length": tf.cast(length, tf.int64),
        "reversed_bytes": tf.strings.reduce_join(backwards, axis=1),
    }


def build() -> Any:
    """Return a tf.Module whose one function ``serve`` takes ``text``, string [N]."""
    import tensorflow as tf

    module = tf.Module(name=NAME)
    module.serve = tf.function(serve, input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    return module


def export(to: str | Path, *, version: int | None = None) -> Path:
    """Export the model under the base path ``to`` and return it; None takes the next version number."""
    module = build()
    return export_model(module, to=to, version=version, signatures={"serving_default": module.serve})
