"""Widgets made from the catalogues' descriptions, and refusals shown beside them.

A widget gives what was entered, as a number where it is one and as text where it was typed; the Experiment reads both
and says what is wrong. Values stay in the session, so that the form is as it was after a visit to another page.
"""

from __future__ import annotations

import html
from typing import Any

import streamlit as st

from lrlab.experiments import ExperimentField


def ask(field: ExperimentField, key: str, *, title: str | None = None, placeholder: str = "") -> Any:
    """Draws the widget of `field` and returns what stands in it: a number, bool, choice or text, or a list of texts.

    `placeholder`: shown while a text is empty.
    """
    st.session_state.setdefault(key, _start(field))
    label = title or _title(field)
    kept: dict[str, Any] = {"key": key, "help": field.help, "persist_state": "session"}
    if field.kind == "bool":
        return st.toggle(label, **kept)
    if field.kind == "choice":
        texts = dict(field.choices)
        return st.selectbox(label, list(texts), format_func=lambda value: texts[value], **kept)
    if field.kind == "int":
        return st.number_input(label, int(field.min), int(field.max), step=int(field.step), **kept)
    if field.kind == "text":
        return st.text_input(label, max_chars=int(field.max), placeholder=placeholder, **kept)
    if _typed(field):
        text = st.text_input(label, **kept)
        return [part.strip() for part in text.split(",")] if field.kind == "list of float" else text.strip()
    return st.number_input(label, float(field.min), float(field.max), step=float(field.step), format="%.2f", **kept)


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


def _start(field: ExperimentField) -> Any:
    if isinstance(field.start, tuple):
        return ", ".join(map(written, field.start))
    return written(field.start) if isinstance(field.start, float) and _typed(field) else field.start


def _title(field: ExperimentField) -> str:
    return f"{field.title}, {field.unit}" if field.unit == "pixels" else field.title
