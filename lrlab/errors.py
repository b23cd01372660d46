"""The errors a person may read: each names the field, the value it got and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
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


def explain(error: ValidationError) -> list[tuple[str, str]]:
    """The faults in `error` as (dotted field, sentence) pairs, in the order pydantic found them."""
    return [(_field(fault["loc"]), _sentence(fault)) for fault in error.errors()]


def from_validation(error: ValidationError) -> LabError:
    """One LabError that names every faulty field of `error`; its `field` is the first of them."""
    faults = explain(error)
    text = "; ".join(f"{field}: {sentence}" if field else sentence for field, sentence in faults)
    return LabError(text, field=faults[0][0] or None)


def _field(location: Iterable[int | str]) -> str:
    # pydantic puts the tag of a discriminated union ("StepLR") into the location; a person never typed it
    # as a field, and class names are the only parts that start with a capital and are longer than "T_max".
    parts = [str(part) for part in location]
    return ".".join(part for part in parts if not _is_tag(part))


def _is_tag(part: str) -> bool:
    return part[:1].isupper() and not part.startswith("T_")


def _sentence(fault: Any) -> str:
    kind, got = fault["type"], fault["input"]
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return f"is not a known setting (got {shown(got)})"
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        context = fault["ctx"]
        name = context.get("tag", got.get("name") if isinstance(got, dict) else got)
        allowed = context.get("expected_tags")
        return f"name {shown(name)} is unknown; allowed: {allowed}" if allowed else "needs a name"
    message = fault["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"got {shown(got)}, allowed: {message}"


def shown(value: object) -> str:
    """`value` as it may stand in a sentence: at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
