"""What every part of the JSON reader shares: the error texts and the exception that carries their offset.

tensorflow_model_server reads requests with RapidJSON, so clients see RapidJSON's sentences and byte offsets. They
are part of the behaviour that a test suite may rely on (behaviour items 132 and 141).
"""

from __future__ import annotations

__all__ = [
    "DOCUMENT_EMPTY",
    "MISSING_COLON",
    "MISSING_COMMA_IN_ARRAY",
    "MISSING_COMMA_IN_OBJECT",
    "MISSING_EXPONENT",
    "MISSING_FRACTION",
    "MISSING_NAME",
    "MISSING_QUOTE",
    "NUMBER_TOO_BIG",
    "TERMINATED",
    "VALUE_INVALID",
    "JsonSyntaxError",
]

DOCUMENT_EMPTY = "The document is empty."
MISSING_NAME = "Missing a name for object member."
MISSING_COLON = "Missing a colon after a name of object member."
MISSING_COMMA_IN_OBJECT = "Missing a comma or '}' after an object member."
MISSING_COMMA_IN_ARRAY = "Missing a comma or ']' after an array element."
VALUE_INVALID = "Invalid value."
MISSING_QUOTE = "Missing a closing quotation mark in string."
NUMBER_TOO_BIG = "Number too big to be stored in double."
TERMINATED = "Terminate parsing due to Handler error."
MISSING_FRACTION = "Miss fraction part in number."
MISSING_EXPONENT = "Miss exponent in number."


class JsonSyntaxError(ValueError):
    """A document that is not JSON.

    Attributes:
        text: RapidJSON's sentence.
        offset: byte offset that RapidJSON would report.
    """

    def __init__(self, text: str, offset: int) -> None:
        """Keep both; the message joins them as the server does."""
        self.text = text
        self.offset = offset
        super().__init__(f"{text} at offset: {offset}")
