"""Schedules as cards: a small curve, a name, one line, where it comes from. A card is a link to its schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import streamlit as st

from lrlab.ui.plot import HERE as PLOT
from lrlab.ui.plot import joined

HERE = Path(__file__).parent

_component = st.components.v2.component(
    "lrlab_cards",
    html='<div class="lrlab-cards" data-testid="cards"></div>',
    css=joined(HERE, ("cards.css",)),
    js=joined(PLOT, ("element.js",)) + joined(HERE, ("cards.js",)),
    isolate_styles=False,
)


class Card(TypedDict):
    """`path`: of the curve, in the size that `cards` is given; `told`: what it shows, in words. `link`: what the
    Schedule page's address says to show it. `source`: (title, https address) pairs. Text is set as text."""

    id: str
    title: str
    line: str
    path: str
    told: str
    link: str
    source: Sequence[tuple[str, str]]


class Section(TypedDict):
    title: str
    line: str
    cards: Sequence[Card]


def cards(
    sections: Sequence[Section],
    size: tuple[float, float],
    texts: Mapping[str, str],
    key: str,
    on_open: Callable[[], None],
) -> None:
    """Draws the cards of each section; a click calls `on_open` with the card's id in `st.session_state[key].open`."""
    _component(
        data={"sections": list(sections), "size": list(size), "texts": dict(texts)}, key=key, on_open_change=on_open
    )
