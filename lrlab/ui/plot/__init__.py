"""The one Plotly component: `preview` has controls and asks, `live` and `finder` follow runs
as they stream, `still` just draws."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
COMPOSER = ("line.js", "exchange.js", "history.js", "controls.js", "tree.js", "grid.js", "panels.js", "preview.js")
SCRIPTS = (
    "element.js",
    "refusal.js",
    "figure.js",
    *COMPOSER,
    "hand.js",
    "aside.js",
    "strip.js",
    "live.js",
    "stream.js",
    "finder.js",
    "still.js",
    "entry.js",
)
STYLES = ("plot.css", "preview.css", "live.css", "finder.css", "still.css")


def joined(folder: Path, names: tuple[str, ...]) -> str:
    """Scripts or styles that make up one component, in this order."""
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


# Without style isolation Plotly's own style sheet, which it puts into the page's head, reaches its buttons.
_component = st.components.v2.component(
    "lrlab_plot",
    html='<div class="lrlab-plot"></div>',
    css=joined(HERE, STYLES),
    js=joined(HERE, SCRIPTS),
    isolate_styles=False,
)


def addresses() -> dict[str, str]:
    """Where the component finds lrlab's routes and the chart library on this server."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    root = f"/{base}/api" if base else "/api"
    return {"api": root, "plotly": f"{root}/plotly.js?v={version('plotly')}"}


def plot(mode: str, data: Mapping[str, Any], key: str, **callbacks: Any) -> Any:
    """Mounts the component in `mode` and returns its state; each mode's script says what `data` holds."""
    return _component(data={"mode": mode, **addresses(), **data}, key=key, **callbacks)
