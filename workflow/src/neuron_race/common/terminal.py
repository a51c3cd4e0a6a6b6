"""Text for terminals of any encoding: what one can't show is told in ASCII (α as alpha, ² as 2)."""

import codecs
import contextlib
import io
import logging
import re
import sys
import unicodedata
from collections.abc import Iterable

READABLE = "neuron_race.readable"  # this module's error handler, by name
# What neither letters, parts characters nor kinds of signs say.
SIGNS = str.maketrans(
    {
        "·": ".",
        "×": "x",
        "−": "-",
        "±": "+-",
        "÷": "/",
        "√": "sqrt",
        "∑": "sum",
        "∏": "prod",
        "∂": "d",
        "∇": "grad",
        "∞": "inf",
        "≈": "~",
        "≠": "!=",
        "≤": "<=",
        "≥": ">=",
        "∈": " in ",
        "⊥": "_|_",
        "→": "->",
        "←": "<-",
        "‖": "||",
        "⁄": "/",
        "°": "deg",
        "•": "*",
        "€": "EUR",
        "ß": "ss",
        "✓": "yes",
        "✕": "no",
        "◐": "~",
    }
)
LETTER = re.compile(
    r"(?:GREEK|LATIN) (SMALL|CAPITAL) (?:LETTER|LIGATURE) (?:FINAL )?(\w+)(?: WITH .*)?"
)


def plain(text: str) -> str:
    """The text in ASCII: Greek letters by name, others without accents; at worst ``\\N{NAME}``."""
    if text.isascii():
        return text
    with contextlib.suppress(UnicodeEncodeError):  # names of files that the locale could not decode
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return "".join(map(_ascii, text.translate(SIGNS)))


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    parts = unicodedata.normalize("NFKD", character)
    if parts != character:
        return plain(parts)
    name, kind = unicodedata.name(character, ""), unicodedata.category(character)
    if letter := LETTER.fullmatch(name):
        # Unicode's own spelling is LAMDA.
        said = letter[2].replace("LAMDA", "LAMBDA")
        return said.lower() if letter[1] == "SMALL" else said.capitalize()
    if kind == "Mn":  # the accent of the character before
        return ""
    if kind == "Pd":
        return "-"
    if "QUOTATION MARK" in name:
        return '"' if "DOUBLE" in name else "'"
    return character.encode("ascii", "namereplace").decode("ascii")


def _readable(error: UnicodeError) -> tuple[str, int]:
    """An error handler for encoders."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


codecs.register_error(READABLE, _readable)


def prepare(handlers: Iterable[logging.Handler] = ()) -> None:
    """Let standard output and standard error take any text, whatever their encoding.

    Args:
        handlers: of a logger, whose files become UTF-8, as all files are.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not so where something else has taken its place
            stream.reconfigure(errors=READABLE)
    for handler in handlers:
        stream = getattr(handler, "stream", None)
        if isinstance(handler, logging.FileHandler) and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=READABLE)
