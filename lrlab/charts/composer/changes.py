"""What was done in the composer since its last answer, carried out on the state of that answer.

A request carries a state and the changes made to it, in order; so none is lost however fast they follow each other,
and a value that is refused stays with the control that it was typed into.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from lrlab.charts.composer import deeds as deeds
from lrlab.charts.composer import tree_deeds as trees
from lrlab.charts.composer.state import Plain, PreviewState, resolved
from lrlab.charts.composer.typed import Kind, Ruler, read
from lrlab.errors import LabError

MOST_CHANGES = 200

Where = Annotated[str, Field(max_length=200)]
Json = dict[str, Any]

VIEW = ("x", "log")
SCHEDULE = ("scheduler", "interval", "warmup")


class Set(BaseModel):
    """A control that moved: its field becomes `value`. Fields are named as refusals name them: "scheduler.gamma"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    op: Literal["set"]
    field: Where
    value: Plain


class Type(BaseModel):
    """A text typed into a control, in the spelling of the person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    op: Literal["type"]
    field: Where
    text: deeds.Typed
    kind: Kind


Change = Annotated[
    Set
    | Type
    | trees.Choose
    | trees.Add
    | trees.Remove
    | trees.Move
    | trees.Unwrap
    | trees.Form
    | trees.Points
    | trees.AddPoint
    | deeds.UseRecipe
    | deeds.Free
    | deeds.Interval
    | deeds.WarmUp
    | deeds.AddGroup
    | deeds.RemoveGroup
    | deeds.Group
    | deeds.Metric
    | deeds.Keep
    | deeds.Unkeep
    | deeds.Take
    | deeds.Compose
    | deeds.Reset,
    Field(discriminator="op"),
]

_changes: TypeAdapter[list[Change]] = TypeAdapter(Annotated[list[Change], Field(max_length=MOST_CHANGES)])


def changed(raw: Any, changes: Any = ()) -> PreviewState:
    """The state after `changes`. `raw`: a PreviewState as JSON.

    Raises LabError or pydantic's ValidationError where the state, a change or what it leads to is refused.
    """
    state: PreviewState | None = None
    for change in map(_as_deed, _changes.validate_python(list(changes or ()))):
        if isinstance(change, deeds.Deed):
            state = change.on(state or _legal(raw))
            continue
        raw = raw if state is None else state.model_dump(mode="json")
        if isinstance(change, Set):
            value: Any = change.value
        else:
            value = read(change.text, change.kind, change.field, Ruler(state or _legal(raw)))
        raw, state = _put(raw, _way(change.field), value, change.field), None
    return state or _legal(raw)


def _as_deed(change: Change) -> Change:
    """Another unit of the warm-up is a choice that moves its length, however it is made."""
    if isinstance(change, Set) and change.field == "warmup.unit":
        return deeds.WarmUp.model_validate({"op": "warmup", "unit": change.value})
    return change


def _legal(raw: Any) -> PreviewState:
    return resolved(PreviewState.model_validate(raw))


def _way(field: str) -> list[str]:
    """Where `field` lies in a state as JSON."""
    first, *rest = field.split(".")
    if first in VIEW:
        return [first, *rest]
    if first == "recipe":
        return [first, "values", *rest]
    return ["composition", *(("schedule",) if first in SCHEDULE else ()), first, *rest]


def _put(whole: Any, way: Sequence[str], value: Any, field: str) -> Any:
    """`whole` with `value` at `way`; nothing of `whole` itself is changed."""
    if not way:
        return value
    first, *rest = way
    if isinstance(whole, dict):
        return {**whole, first: _put(whole.get(first), rest, value, field)}
    if isinstance(whole, list) and first.isdecimal() and int(first) < len(whole):
        place = int(first)
        return [*whole[:place], _put(whole[place], rest, value, field), *whole[place + 1 :]]
    raise LabError(f"there is no setting {field!r}", field=field)
