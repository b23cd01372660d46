"""Compare: a table of runs, the chosen ones overlaid, and what tells them apart."""

import html

import pandas as pd
import streamlit as st

from lrlab.charts import distinct_colours
from lrlab.errors import NotFound
from lrlab.runs import FINAL, Run, differences, headline, table
from lrlab.ui import asking, onward, people, places, texts
from lrlab.ui.belonging import with_owners
from lrlab.ui.run_table import EVERY, as_csv, own_colours, run_table, select, selected
from lrlab.ui.style import STYLE

MOST = 16
words = texts.COMPARE
desk = people.desk()


@st.dialog(words["rename_title"])
def ask_name(run: Run) -> None:
    st.text_input(words["new_name"], value=run.record.name, max_chars=120, key="dialog.name")
    asking.settle(words["save"], words["cancel"], lambda: desk.rename(run.id, st.session_state["dialog.name"]))


@st.dialog(words["delete_title"])
def ask_delete(runs: list[Run]) -> None:
    for run in runs:
        st.text(run.record.name)
    st.write(words["delete_what"])
    asking.settle(words["delete_yes"], words["cancel"], lambda: delete(runs))


def delete(runs: list[Run]) -> None:
    for run in runs:
        try:
            desk.delete(run.id)
        except NotFound:  # another tab was faster
            continue
    select([])


def overview(ids: list[str], live: bool) -> None:
    """What the eye should see, and the table; looked at again now and then while a run is `live`.

    Runs may be deleted or withdrawn between two looks, so they are found anew; without one of `ids`, or of any while it
    is drawn, all of the page is.
    """
    runs = desk.runs()
    chosen = [run for run in reversed(runs) if run.id in ids]
    if len(chosen) < len(ids):
        st.rerun()
    try:
        st.html(f'<p class="lrlab-headline">{html.escape(headline(chosen))}</p>')
        shown = dict(zip(ids, distinct_colours([run.record.colour for run in chosen]), strict=True))
        run_table(rows(runs), own_colours(runs) | shown, ids)
        other = live != at_work(runs)
    except NotFound:
        st.rerun()
    if st.session_state.pop("compare.changed", False) or other:
        st.rerun()


def rows(runs: list[Run]) -> pd.DataFrame:
    """The table of `runs`; whose they are too, where people sign in."""
    return with_owners(desk, table(runs), runs)


def at_work(runs: list[Run]) -> bool:
    return any(run.state not in FINAL for run in runs)


def deeds(runs: list[Run], chosen: list[Run]) -> None:
    """What can be done with the runs of the table."""

    def own(action: str) -> bool:
        return all(desk.may(action, run.record) for run in chosen)

    with st.container(horizontal=True):
        asked_name = st.button(words["rename"], key="rename", disabled=len(chosen) != 1 or not own("rename a run"))
        asked_delete = st.button(words["delete"], key="delete", disabled=not chosen or not own("delete a run"))
        st.download_button(words["table_csv"], as_csv(rows(runs)), "runs.csv", "text/csv", on_click="ignore")
    asking.begin()
    if asked_name:
        ask_name(chosen[0])
    if asked_delete:
        ask_delete(chosen)


def overlay(chosen: list[Run]) -> None:
    """The chosen runs in the same charts, and the settings in which they differ."""
    if len(chosen) > MOST:
        st.write(words["too_many"].format(most=MOST))
    onward.live(desk, chosen[-MOST:], key="compare", opens=True)
    if len(chosen) > 1:
        st.markdown(f"##### {words['differences']}")
        apart = differences(chosen)
        if len(apart):
            st.dataframe(apart, width="content")
        else:
            st.write(words["same"])


onward.go()
st.html(STYLE)
st.title(words["title"])
runs = desk.runs()
if runs:
    chosen = selected(desk)
    live = at_work(runs)
    st.fragment(overview, run_every=EVERY if live else None)([run.id for run in chosen], live)
    deeds(runs, chosen)
    if chosen:
        overlay(chosen)
    else:
        st.write(words["choose"])
else:
    st.write(words["lead"])
    st.write(words["no_runs"])
    if st.button(words["to_train"], type="primary", key="compare.train"):
        st.switch_page(places.TRAIN, query_params=places.NEW_RUN)
