"""The control that adds images: it streams what is dropped or chosen to lrlab's routes and shows how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from lrlab.ui.plot import HERE as PLOT
from lrlab.ui.plot import addresses, joined

HERE = Path(__file__).parent
SCRIPTS = ("files.js", "pieces.js", "addition.js", "row.js", "form.js", "upload.js")

_component = st.components.v2.component(
    "lrlab_upload",
    html='<div class="lrlab-plot lrlab-upload" data-testid="upload"></div>',
    css=joined(PLOT, ("plot.css",)) + joined(HERE, ("upload.css",)),
    js=joined(PLOT, ("element.js",)) + joined(HERE, SCRIPTS),
    isolate_styles=False,
)


def upload(data: Mapping[str, Any], key: str, on_added_change: Callable[[], None]) -> Any:
    """Mounts the control. Its trigger `added` is {"id", "mine"}: a data set that came, and whether this tab wanted it.

    `data`: `texts`; `first` (no data set yet: the control is large and leads with the sample set); `taken` (names of
    the data sets there are); `sample` (the sample set's name); `imports` (`id` and `dataset` of those under way);
    `most_files` (of one upload); `server` (images that lie on the server may be named); `heard` (the data set of the
    last `added`, which the control tells again until it is heard).
    """
    return _component(data={"api": addresses()["api"], **data}, key=key, on_added_change=on_added_change)
