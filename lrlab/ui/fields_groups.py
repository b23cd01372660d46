"""Named groups of parameters as a table that is edited in place: a row a group."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

COLUMNS: dict[str, type] = {"name": str, "pattern": str, "multiplier": float, "lr": float}
FIRST: tuple[dict[str, Any], ...] = (
    {"name": "features", "pattern": "*features*", "multiplier": 0.1},
    {"name": "biases", "pattern": "*.bias", "multiplier": 2.0},
)
"""What the table begins with, as an example; what matches none of them is trained at the LR."""


def ask(label: str, help: str, key: str) -> None:
    """Draws the table under its label; the page runs anew once a row has changed, so that it is checked at once."""
    base = f"{key}.base"
    if key not in st.session_state or base not in st.session_state:
        st.session_state[base] = _frame(rows(key))
    st.caption(f"{label}. {help}")
    edited = st.data_editor(
        st.session_state[base],
        key=key,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        column_config={
            "name": st.column_config.TextColumn("name", max_chars=40),
            "pattern": st.column_config.TextColumn("pattern of names", max_chars=200),
            "multiplier": st.column_config.NumberColumn("multiplier of the LR", format="%g"),
            "lr": st.column_config.NumberColumn("or its own LR", format="%g"),
        },
    )
    now = _rows(edited)
    if now != rows(key):
        st.session_state[_kept(key)] = now
        st.rerun()


def rows(key: str) -> list[dict[str, Any]]:
    """The groups as an Experiment takes them: cells that are empty are left out, and rows without any cell."""
    found: list[dict[str, Any]] = st.session_state.get(_kept(key), [dict(row) for row in FIRST])
    return found


def fill(key: str, wanted: Any) -> None:
    """Puts groups of an Experiment into the table; without any, the example."""
    st.session_state[_kept(key)] = [
        {name: cell for name, cell in dict(row).items() if cell is not None} for row in wanted or FIRST
    ]
    for held in (key, f"{key}.base"):
        st.session_state.pop(held, None)


def _kept(key: str) -> str:
    return f"{key}.rows"


def _frame(found: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in found], dtype=kind) for name, kind in COLUMNS.items()}
    )


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    found = [
        {
            name: row[name].strip() if isinstance(row[name], str) else float(row[name])
            for name in COLUMNS
            if not pd.isna(row[name]) and row[name] != ""
        }
        for row in frame.to_dict("records")
    ]
    return [row for row in found if row]
