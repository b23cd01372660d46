"""The control of the Lab page: it follows the lab over one stream, so that the page is never drawn anew for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from lrlab.ui.plot import HERE as PLOT
from lrlab.ui.plot import addresses, joined

HERE = Path(__file__).parent
SCRIPTS = ("lists.js", "runs.js", "gauges.js", "lab.js")

_component = st.components.v2.component(
    "lrlab_lab",
    html='<div class="lrlab-plot lrlab-lab" data-testid="lab"></div>',
    css=joined(PLOT, ("plot.css",)) + joined(HERE, ("lab.css",)),
    js=joined(PLOT, ("element.js", "refusal.js", "stream.js")) + joined(HERE, SCRIPTS),
    isolate_styles=False,
)


def lab(texts: Mapping[str, str], key: str, on_open: Callable[[], None], on_ask: Callable[[], None]) -> Any:
    """Mounts the control.

    Its trigger `open` is {"kind": "train" | "find_lr" | "dataset" | "new", "id"}: what is to be shown on its own page;
    `ask` is {"deed": "delete" | "checkpoints", "id"}: what must be asked for once more before it is done.
    """
    return _component(
        data={"api": addresses()["api"], "texts": dict(texts)}, key=key, on_open_change=on_open, on_ask_change=on_ask
    )
