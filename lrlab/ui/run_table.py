"""The table of runs, its rows selectable; the selection lives in the page's address as run ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from lrlab.charts import colour
from lrlab.desk import Desk
from lrlab.runs import Run, duration, spreadsheet_safe
from lrlab.ui import texts

QUERY = "runs"
FIRST = 2
"""So many runs, the newest, are compared before any was selected."""

ROW_HEIGHT = 35
MOST_ROWS = 5
NOTHING = "–"

EVERY = 10.0
"""Seconds after which the table is drawn anew while a run is at work: it takes the server 50 ms, and the chosen runs
have a stream of their own."""

OWNER = "owner"
"""The column after the name, there only where people sign in."""

WIDTHS = {
    "dot": 28,
    "state": 82,
    "name": 176,
    "dataset": 110,
    "model": 86,
    "schedule": 226,
    "best_val_accuracy": 98,
    "best_epoch": 100,
    "val_accuracy": 92,
    "seconds": 84,
}
"""Pixels; together they fit a page 1,280 pixels wide."""

WIDTHS_WITH_OWNER = WIDTHS | {"name": 150, "owner": 150, "schedule": 136, "dataset": 90}
"""The same where people sign in."""


def selected(desk: Desk) -> list[Run]:
    """The runs that the address names, oldest first, unknown ids left out; the newest ones where it names none."""
    runs = desk.runs()
    if QUERY not in st.query_params:
        return runs[:FIRST][::-1] if not st.session_state.get("compare.emptied") else []
    wanted = st.query_params[QUERY].split(",")
    return [run for run in reversed(runs) if run.id in wanted]


def select(ids: Sequence[str]) -> None:
    """Puts the selection into the address."""
    st.session_state["compare.emptied"] = not ids
    if ids:
        st.query_params[QUERY] = ",".join(ids)
    else:
        st.query_params.pop(QUERY, None)


def run_table(frame: pd.DataFrame, colours: Mapping[str, str], chosen: Sequence[str]) -> None:
    """Draws `frame` (of `runs.table`). `colours` by run id; `chosen` ids are selected.

    A selection made by a person is put into the address before the page is drawn anew.
    """
    ids = list(frame["id"])
    # Rows are selected by their place, so a table with other rows is another widget.
    key = f"compare.table.{hash(tuple(ids))}"

    def changed() -> None:
        rows = st.session_state[key].selection.rows
        select([ids[row] for row in sorted(rows, reverse=True) if row < len(ids)])
        st.session_state["compare.changed"] = True

    columns, widths = _columns(frame), WIDTHS_WITH_OWNER if OWNER in frame else WIDTHS
    st.dataframe(
        _shown(frame, colours),
        key=key,
        hide_index=True,
        height=ROW_HEIGHT * (min(len(frame), MOST_ROWS) + 1) + 3,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [row for row, run_id in enumerate(ids) if run_id in chosen]}},
        on_select=changed,
        column_config={
            columns[name]: st.column_config.Column(width=width, help=texts.COLUMN_HELP.get(name))
            for name, width in widths.items()
        },
    )


def as_csv(frame: pd.DataFrame) -> str:
    """`frame` (of `runs.table`) as a CSV file that is safe to open in a spreadsheet."""
    return spreadsheet_safe(frame).to_csv(index=False)


def own_colours(runs: Sequence[Run]) -> dict[str, str]:
    """The colour of each run, by id."""
    return {run.id: colour(run.record.colour) for run in runs}


def _columns(frame: pd.DataFrame) -> dict[str, str]:
    """What the columns are called, by their names in `frame`, in the order in which they are shown."""
    columns = {}
    for name, title in texts.COLUMNS.items():
        columns[name] = title
        if name == "name" and OWNER in frame:
            columns[OWNER] = OWNER
    return columns


def _shown(frame: pd.DataFrame, colours: Mapping[str, str]) -> pd.io.formats.style.Styler:
    """The columns that a person reads. Values stay numbers, so that sorting a column sorts by value."""
    names = _columns(frame)
    visible = frame.assign(
        dot="●",
        best_val_accuracy=100 * frame["best_val_accuracy"],
        best_epoch=frame["best_epoch"] + 1,  # the log counts from 0, people from 1
        val_accuracy=100 * frame["val_accuracy"],
    )[list(names)].rename(columns=names)
    percent = "{:.1f} %"
    dots = [f"color: {colours[run_id]}" for run_id in frame["id"]]
    forms: dict[Any, Any] = {
        names["best_val_accuracy"]: percent,
        names["best_epoch"]: "{:.0f}",
        names["val_accuracy"]: percent,
        names["seconds"]: duration,
    }
    by_loss = frame.index[(frame["best_by"] == "val_loss") & frame["best_epoch"].notna()]
    style = visible.style.apply(lambda _: dots, subset=[names["dot"]]).format(forms, na_rep=NOTHING)
    return style.format(texts.BY_LOSS, subset=(by_loss, [names["best_epoch"]]))
