"""The schedule as numbers: a row an epoch to look at, every update to take away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from lrlab.charts import PreviewState, logged_metric
from lrlab.schedules import Curve, number
from lrlab.ui import tabs_texts as texts

MOST_UPDATES = 1_000_000
"""So many a file of every update may hold."""

Groups = Sequence[tuple[str, Curve]]
Column = NDArray[np.float64] | NDArray[np.int64]


def table(state: PreviewState) -> None:
    """Draws the table and its downloads."""
    composition = state.composition
    logged = logged_metric(composition)
    values, groups = composition.curve(logged), composition.group_curves(logged)
    shown = by_epoch(values, groups)
    st.caption(texts.TABLE_HELP)
    right = st.column_config.Column(alignment="right")
    st.dataframe(
        {name: _told(column) for name, column in shown.items()},
        column_config=dict.fromkeys(shown, right), hide_index=True, width="stretch", height=320,
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        if composition.updates <= MOST_UPDATES:
            _download(texts.BY_UPDATE, "updates.csv", lambda: by_update(values, groups))
        _download(texts.BY_EPOCH, "epochs.csv", lambda: pd.DataFrame(shown))
        if composition.updates > MOST_UPDATES:
            st.caption(texts.TOO_LONG.format(updates=composition.updates, most=MOST_UPDATES))


def by_epoch(values: Curve, groups: Groups = ()) -> dict[str, Column]:
    """One row an epoch: the LR of its first and of its last update, the momentum where the schedule moves it, the LRs
    of parameter groups, and the metric that ReduceLROnPlateau was given at its end."""
    words = texts.COLUMNS
    first = np.arange(values.epochs) * values.steps_per_epoch
    last = first + values.steps_per_epoch - 1
    columns: dict[str, Column] = {
        words["epoch"]: np.arange(values.epochs),
        words["first"]: first,
        words["lr_first"]: values.lr[first],
        words["lr_last"]: values.lr[last],
    }
    if values.momentum is not None:
        columns[words["momentum_first"]] = values.momentum[first]
        columns[words["momentum_last"]] = values.momentum[last]
    for name, curve in groups:
        columns[words["group"].format(name=name)] = curve.lr[first]
    if values.decisions:
        metric = np.full(values.epochs, np.nan)
        metric[values.first_decision :] = [decision.metric for decision in values.decisions]
        columns[words["metric"]] = metric
    return columns


def by_update(values: Curve, groups: Groups = ()) -> pd.DataFrame:
    """One row an update, columns named as the log of a run names them."""
    columns = {"step": values.step, "epoch": values.epoch, "lr": values.lr}
    if values.momentum is not None:
        columns["momentum"] = values.momentum
    return pd.DataFrame(columns | {f"lr_{name}": curve.lr for name, curve in groups})


def file(frame: pd.DataFrame) -> str:
    """CSV with every digit. Its texts are column names of ours, so no cell is a formula of a spreadsheet."""
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _told(column: Column) -> Column | list[str]:
    """Counts as they are, other numbers as a person writes them."""
    return column if column.dtype.kind == "i" else [number(value) for value in column.tolist()]


def _download(title: str, name: str, frame: Callable[[], pd.DataFrame]) -> None:
    """The file is made when it is asked for."""
    st.download_button(title, lambda: file(frame()), name, "text/csv", on_click="ignore", key=f"table.{name}")
