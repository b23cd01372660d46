"""Gallery: every schedule as a small curve to start from."""

from collections.abc import Iterator

import streamlit as st

from lrlab.charts import PreviewState
from lrlab.schedules import GROUPS, number, to_link
from lrlab.ui import carried, places
from lrlab.ui import gallery_texts as texts
from lrlab.ui.cards import Card, Section, cards
from lrlab.ui.specimens import HEIGHT, RUN, WIDTH, Specimen, picture, specimen, specimens

OPENED = "gallery.opened"
"""In the session: the card that was chosen."""


def opened() -> None:
    """A card was chosen; a page can be left only while it is drawn."""
    st.session_state[OPENED] = st.session_state.gallery.open


def sections(state: PreviewState) -> Iterator[Section]:
    """The families of schedulers in their order, then the recipes, then the presets."""
    found = specimens().values()
    for group, title in GROUPS.items():
        yield section(title, "", [one for one in found if one.kind == "scheduler" and one.group == group], state)
    yield section(texts.RECIPES, texts.RECIPES_LINE, [one for one in found if one.kind == "recipe"], state)
    for group, (title, line) in texts.PRESETS.items():
        yield section(title, line, [one for one in found if one.kind == "preset" and one.group == group], state)


def section(title: str, line: str, members: list[Specimen], state: PreviewState) -> Section:
    return {"title": title, "line": line, "cards": [card(member, state) for member in members]}


def card(one: Specimen, state: PreviewState) -> Card:
    path, told = picture(one.id)
    return {
        "id": one.id,
        "title": one.title,
        "line": one.line,
        "path": path,
        "told": told,
        "link": to_link(one.composed(state.composition)),
        "source": one.source,
    }


st.title(texts.TITLE)
st.write(texts.LEAD)
state, _ = carried.preview_state()
chosen = st.session_state.pop(OPENED, None)
if chosen:
    carried.push(specimen(chosen).opened(state))
    st.switch_page(places.SCHEDULE)
cards(list(sections(state)), (WIDTH, HEIGHT), texts.CARDS, key="gallery", on_open=opened)
st.caption(texts.RUN_NOTE.format(epochs=RUN.epochs, steps=RUN.steps_per_epoch, lr=number(RUN.lr)))
