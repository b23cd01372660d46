"""The errors a person may read: each names the field, the value it got and what is allowed."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError


class LabError(ValueError):
    """Something a person asked for cannot be done; `str(error)` is a sentence for them.

    `field` is the dotted name of the setting at fault ("optimizer.lr"), or None.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFound(LabError):
    """The run, data set or file that was named does not exist."""


class Forbidden(LabError):
    """Whoever asked may see it, and may not do this to it."""


def explain(error: ValidationError) -> list[tuple[str, str]]:
    """The faults in `error` as (dotted field, sentence) pairs, in the order pydantic found them."""
    faults = error.errors()
    places = [fault["loc"] for fault in faults]
    # A list with a bad value is also reported as too short: the fault of the value says it all.
    kept = [
        fault
        for fault, place in zip(faults, places, strict=True)
        if not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    ]
    return [(_field(fault), _sentence(fault)) for fault in kept]


def from_validation(error: ValidationError) -> LabError:
    """One LabError that names every faulty field of `error`; its `field` is the first of them."""
    faults = explain(error)
    text = "; ".join(f"{field}: {sentence}" if field else sentence for field, sentence in faults)
    return LabError(text, field=faults[0][0] or None)


def _field(fault: Any) -> str:
    # pydantic puts the tag of a discriminated union ("StepLR") into the location; a person never typed it
    # as a field. Tags are class names: they start with a capital, and of the settings only T_max does. An unknown
    # setting may start with one too; it stands last, where a tag can stand only for a fault of the whole object.
    *parents, last = [str(part) for part in fault["loc"]] or [""]
    parts = [part for part in parents if not _is_tag(part)]
    if fault["type"] == "extra_forbidden" or not _is_tag(last):
        parts.append(last)
    # A rule between settings blames the one that is to be changed.
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, LabError) and cause.field:
        parts.append(cause.field)
    if fault["type"] in _TAG_FAULTS:
        parts.append(_tag_of(fault))
    return ".".join(part for part in parts if part)


def _tag_of(fault: Any) -> str:
    """The setting that says which of several kinds an object is: "name" of a scheduler, "kind" of a metric."""
    return str(fault["ctx"]["discriminator"]).strip("'")


def _is_tag(part: str) -> bool:
    return part[:1].isupper() and not part.startswith("T_")


_TAG_FAULTS = ("union_tag_invalid", "union_tag_not_found")

_ALLOWED = {
    "greater_than": "above {gt:,}",
    "greater_than_equal": "at least {ge:,}",
    "less_than": "below {lt:,}",
    "less_than_equal": "at most {le:,}",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "union_tag_invalid": "{expected_tags}",
    "string_too_short": "{min_length} or more characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "{min_length} or more values",
    "too_long": "at most {max_length} values",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 4300 digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "model_type": "an object of settings, {{...}}",
    "model_attributes_type": 'an object of settings with a name, {{"name": ...}}',
}
"""What is allowed, by pydantic's kind of fault; the braces are filled from what pydantic says about the fault."""


def _sentence(fault: Any) -> str:
    kind, got, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind in ("missing", "union_tag_not_found"):
        return "is required"
    if kind == "extra_forbidden":
        return f"is not a known setting (got {shown(got)})"
    if kind == "value_error":
        text = str(context["error"])
        return text if "got " in text else f"got {shown(got)}: {text}"
    if kind == "json_invalid":
        return f"is not valid JSON: {context['error']}"
    if kind == "union_tag_invalid":
        got = got[_tag_of(fault)]
    if kind in _ALLOWED:
        bounds = {key: _plain(value) for key, value in context.items()}
        return f"got {shown(got)}, allowed: {_ALLOWED[kind].format(**bounds)}"
    return f"got {shown(got)}; {fault['msg']}"


def _plain(value: object) -> object:
    """A bound as a person writes it: 0 for 0.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def shown(value: object) -> str:
    """`value` as it may stand in a sentence: at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def warn_once(log: logging.Logger, path: Path, error: LabError) -> None:
    """Logs why the file `path` was left out, once for each state of it: lists are made again and again."""
    with suppress(FileNotFoundError):  # gone by now, so there is nothing to be told
        facts = path.stat()
        _warn(log, path, str(error), facts.st_ino, facts.st_mtime_ns)


@lru_cache(maxsize=1024)
def _warn(log: logging.Logger, path: Path, text: str, *facts: int) -> None:
    log.warning("left out: %s", text)
