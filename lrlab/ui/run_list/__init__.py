"""A list of runs, each a link that opens it. Names are text: the component sets them as text."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from lrlab import jobs
from lrlab.charts import colour
from lrlab.desk import Desk
from lrlab.errors import NotFound
from lrlab.runs import Run, RunStatus, ago
from lrlab.ui import texts
from lrlab.ui.belonging import whose
from lrlab.ui.plot import joined

HERE = Path(__file__).parent
FIRST, MORE = 8, 40
"""So many runs are listed at first, and so many more each time that more are asked for: each is looked at anew whenever
the list is drawn."""

EVERY = 5.0
"""Seconds after which a list is drawn anew while a run is at work; what is watched has a stream of its own."""

_component = st.components.v2.component(
    "lrlab_run_list",
    html='<ol class="lrlab-run-list"></ol>',
    css=joined(HERE, ("run_list.css",)),
    js=joined(HERE, ("run_list.js",)),
    isolate_styles=False,
)


def run_list(
    desk: Desk,
    runs: Sequence[Run],
    shown: str | None,
    key: str,
    on_open: Callable[[], None],
    facts: Callable[[Run, RunStatus], str] | None = None,
) -> None:
    """Lists the first of `runs`, and a button for more of them; a click on one calls `on_open` with its id in
    `st.session_state[key].open`. `shown` is marked.

    `facts`: the one thing to know about a run (default: how far its training is, or how well it did).
    """
    told = facts or (lambda run, status: texts.run_facts(status))
    length = st.session_state.setdefault(f"{key}.length", FIRST)
    rows = [row for run in runs[:length] if (row := _row(desk, run, shown, told))]
    _component(data={"rows": rows}, key=key, on_open_change=on_open)
    if len(runs) > length:
        st.button(
            texts.RUN_LIST["more"].format(count=len(runs) - length), key=f"{key}.more", on_click=_lengthen, args=(key,)
        )


def _lengthen(key: str) -> None:
    st.session_state[f"{key}.length"] += MORE


def _row(desk: Desk, run: Run, shown: str | None, facts: Callable[[Run, RunStatus], str]) -> dict[str, Any] | None:
    try:
        record, status = run.record, jobs.run_status(desk.home, run.id)
    except NotFound:  # deleted since the list was made
        return None
    return {
        "id": run.id,
        "name": record.name,
        "colour": colour(record.colour),
        "state": status.state,
        "facts": " · ".join(filter(None, (facts(run, status), whose(desk, record)))),
        "when": ago(time.time() - record.created),
        "shown": run.id == shown,
    }
