"""The one Plotly component: `preview` has controls and asks the server, `live` follows runs as they stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
SCRIPTS = ("figure.js", "controls.js", "preview.js", "live.js", "entry.js")
STYLES = ("plot.css", "preview.css", "live.css")


def _joined(names: tuple[str, ...]) -> str:
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


# Without style isolation Plotly's own style sheet, which it puts into the page's head, reaches its buttons.
_component = st.components.v2.component(
    "lrlab_plot", html='<div class="lrlab-plot"></div>', css=_joined(STYLES), js=_joined(SCRIPTS), isolate_styles=False
)


def addresses() -> dict[str, str]:
    """Where the component finds lrlab's routes and the chart library on this server."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    root = f"/{base}/api" if base else "/api"
    return {"api": root, "plotly": f"{root}/plotly.js?v={version('plotly')}"}


def plot(mode: str, data: Mapping[str, Any], key: str, **callbacks: Callable[[], None]) -> Any:
    """Mounts the component in `mode` ("preview" or "live") and returns its state; see preview.js and live.js."""
    return _component(data={"mode": mode, **addresses(), **data}, key=key, **callbacks)
