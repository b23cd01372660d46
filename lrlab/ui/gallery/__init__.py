"""A grid of images with their classes as titles. Names are a stranger's text: the browser sets them as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from lrlab.datasets import Dataset
from lrlab.ui.plot import HERE as PLOT
from lrlab.ui.plot import addresses, joined

HERE = Path(__file__).parent
SIDE = 320
"""Pixels asked for: sharp at the width of a column on a fine screen; smaller pictures come as they are."""

_component = st.components.v2.component(
    "lrlab_gallery",
    html='<ul class="lrlab-gallery" data-testid="gallery"></ul>',
    css=joined(HERE, ("gallery.css",)),
    js=joined(PLOT, ("element.js",)) + joined(HERE, ("gallery.js",)),
    isolate_styles=False,
)


def gallery(dataset: Dataset, rows: Sequence[int], unreadable: str, key: str) -> None:
    """Shows the images in `rows` of `dataset`, by class; `unreadable` stands in for one whose file is gone."""
    images = dataset.images.iloc[list(rows)].sort_values("label", kind="stable")
    items = [
        {"row": row, "class": dataset.classes[label], "name": name}
        for row, label, name in zip(images.index.tolist(), images["label"], images["name"], strict=True)
    ]
    address = f"{addresses()['api']}/datasets/{dataset.id}/thumbnail"
    _component(data={"address": address, "side": SIDE, "items": items, "unreadable": unreadable}, key=key)
