"""Widgets made from the catalogues' descriptions, and refusals shown beside them.

What was entered lies in the session under the widget's key: a number where it is one, text where it was typed. `value`
reads it as an Experiment takes it, also while the widget is not drawn; the Experiment says what is wrong with it.
Values stay in the session, so that the form is as it was after a visit to another page.
"""

from __future__ import annotations

import html
from typing import Any

import streamlit as st

from lrlab.experiments import ExperimentField
from lrlab.ui import fields_groups as groups

OWN = "own"
SWITCHED = {OWN: None, "on": True, "off": False}
"""The places of a switch that need not be set."""


def settle(field: ExperimentField, key: str) -> None:
    """Gives the widget of `field` its first value, and another one where it holds what it cannot show (any more)."""
    if field.kind == "groups":
        return
    held = st.session_state.setdefault(key, _first(field))
    if (field.choices or _switched(field)) and held not in dict(_choices(field)):
        st.session_state[key] = _first(field)
    if _counted(field) and held is not None:
        least, most = _bounds(field)
        if not least <= held <= most:
            st.session_state[key] = min(max(held, least), most)


def ask(field: ExperimentField, key: str, *, title: str | None = None, placeholder: str = "") -> Any:
    """Draws the widget of `field`; what stands in it, as `value` reads it. `placeholder`: shown in an empty text."""
    settle(field, key)
    label = title or called(field)
    kept: dict[str, Any] = {"key": key, "help": field.help, "persist_state": "session"}
    if field.kind == "groups":
        groups.ask(label, field.help, key)
    elif field.kind == "bool" and not field.optional:
        st.toggle(label, **kept)
    elif field.choices or field.kind == "bool":
        texts = dict(_choices(field))
        st.selectbox(label, list(texts), format_func=lambda value: texts[value], **kept)
    elif field.kind == "text":
        st.text_input(label, max_chars=int(field.max), placeholder=placeholder, **kept)
    elif _typed(field):
        st.text_input(label, **kept)
    else:
        least, most = _bounds(field)
        if field.optional:
            kept |= {"value": None, "placeholder": field.optional}
        step = int(field.step) if field.kind == "int" else float(field.step)
        st.number_input(label, least, most, step=step, format=_format(field), disabled=least == most, **kept)
    return value(field, key)


def value(field: ExperimentField, key: str) -> Any:
    """What stands in the widget, as an Experiment takes it; a typed number is text still."""
    if field.kind == "groups":
        return groups.rows(key)
    held = st.session_state.get(key, _first(field))
    if _switched(field):
        return SWITCHED.get(held)
    if field.kind == "list of float":
        return [part.strip() for part in held.split(",")]
    return held.strip() if _typed(field) else held


def fill(field: ExperimentField, key: str, wanted: Any) -> None:
    """Puts a value of an Experiment into the widget; not while the widget is drawn already."""
    if field.kind == "groups":
        groups.fill(key, wanted)
    else:
        st.session_state[key] = _shown(field, wanted)


def is_start(field: ExperimentField, key: str) -> bool:
    """Whether the widget holds what it holds at first; a number may be written otherwise."""
    held = value(field, key)
    if field.kind == "groups":
        return not held
    first = None if field.optional else field.start
    try:
        numbers = [float(part) for part in held] if isinstance(held, list) else float(held)
    except (TypeError, ValueError):
        return bool(held == first)
    return bool(numbers == (list(map(float, first)) if isinstance(first, tuple) else first))


def told(field: ExperimentField, key: str) -> str:
    """What the widget holds, short: a choice by its name."""
    held = value(field, key)
    if field.kind == "groups":
        return ", ".join(str(group.get("name", "")) for group in held)
    if isinstance(held, bool):
        return "on" if held else "off"
    return ", ".join(held) if isinstance(held, list) else f"{held:g}" if isinstance(held, float) else str(held)


def called(field: ExperimentField) -> str:
    """The title with the unit where a number alone would not say what it counts."""
    return f"{field.title}, {field.unit}" if field.unit in ("pixels", "degrees", "batches") else field.title


def refusal(sentence: str) -> None:
    """One sentence on what is wrong, beside the field at fault. It may quote what was typed, so it is shown as text."""
    st.html(f'<p class="lrlab-refusal" role="alert">{html.escape(sentence)}</p>')


def written(value: float) -> str:
    """A number as it stands in a field that is typed: every digit, 1e-05 as 1e-5 and 0.0 as 0."""
    mantissa, _, exponent = repr(float(value)).partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa.removesuffix(".0")


def _typed(field: ExperimentField) -> bool:
    """Whether a number is typed as text: those that are written as 1e-3 are, and lists."""
    return field.log or field.kind == "list of float"


def _counted(field: ExperimentField) -> bool:
    """Whether the widget is one that holds a number itself."""
    return field.kind in ("int", "float") and not _typed(field)


def _bounds(field: ExperimentField) -> tuple[Any, Any]:
    kind = int if field.kind == "int" else float
    return kind(field.min), kind(field.max)


def _format(field: ExperimentField) -> str | None:
    """As many decimals as a step moves."""
    if field.kind == "int":
        return None
    decimals = next(places for places in range(7) if round(field.step, places) == field.step)
    return f"%.{decimals}f"


def _choices(field: ExperimentField) -> tuple[tuple[Any, str], ...]:
    if field.kind != "bool":
        return field.choices
    return tuple((name, field.optional if name == OWN else name) for name in SWITCHED)


def _switched(field: ExperimentField) -> bool:
    """Whether it is a switch with a third place, for "not set"; a widget takes no None for a choice."""
    return field.kind == "bool" and bool(field.optional)


def _first(field: ExperimentField) -> Any:
    if field.optional:
        return _shown(field, None)
    if field.choices and field.start not in dict(field.choices):
        return field.choices[0][0]
    return _shown(field, field.start)


def _shown(field: ExperimentField, wanted: Any) -> Any:
    if _switched(field):
        return next(name for name, value in SWITCHED.items() if value is wanted)
    if wanted is None:
        return None
    if isinstance(wanted, (tuple, list)):
        return ", ".join(map(written, wanted))
    if field.kind == "float":
        return written(wanted) if _typed(field) else float(wanted)
    return wanted
