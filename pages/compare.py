"""Compare: a table of runs, the chosen ones overlaid, and what tells them apart."""

import html

import streamlit as st

from lrlab import jobs
from lrlab.charts import distinct_colours
from lrlab.errors import LabError, NotFound
from lrlab.home import lab_home
from lrlab.runs import FINAL, Run, differences, headline, list_runs, load_run, rename, table
from lrlab.ui import fields, places, texts
from lrlab.ui.plot import plot
from lrlab.ui.run_table import as_csv, own_colours, run_table, select, selected
from lrlab.ui.style import STYLE

MOST = 16
words = texts.COMPARE
home = lab_home()


@st.dialog(words["rename_title"])
def ask_name(run: Run) -> None:
    name = st.text_input(words["new_name"], value=run.record.name, max_chars=120, key="rename.name")
    with st.container(horizontal=True):
        if st.button(words["save"], type="primary", key="rename.save"):
            try:
                rename(run, name)
            except LabError as error:
                fields.refusal(str(error))
            else:
                st.rerun()
        if st.button(words["cancel"], key="rename.cancel"):
            st.rerun()


@st.dialog(words["delete_title"])
def ask_delete(runs: list[Run]) -> None:
    for run in runs:
        st.text(run.record.name)
    st.write(words["delete_what"])
    with st.container(horizontal=True):
        if st.button(words["delete_yes"], type="primary", key="delete.yes"):
            try:
                for run in runs:
                    jobs.delete(home, run.id)
            except NotFound:  # another tab deleted it first
                pass
            except LabError as error:
                fields.refusal(str(error))
                return
            select([])
            st.rerun()
        if st.button(words["cancel"], key="delete.no"):
            st.rerun()


def overview(chosen: list[Run]) -> None:
    """What the eye should see, the table, and what can be done with its rows."""
    st.html(f'<p class="lrlab-headline">{html.escape(headline(chosen)) if chosen else ""}</p>')
    frame = table(list_runs(home))
    ids = [run.id for run in chosen]
    shown = dict(zip(ids, distinct_colours([run.record.colour for run in chosen]), strict=True))
    run_table(frame, own_colours([load_run(run_id, home) for run_id in frame["id"]]) | shown, ids)
    with st.container(horizontal=True):
        if st.button(words["rename"], key="rename", disabled=len(chosen) != 1):
            ask_name(chosen[0])
        if st.button(words["delete"], key="delete", disabled=not chosen):
            ask_delete(chosen)
        st.download_button(words["table_csv"], as_csv(frame), "runs.csv", "text/csv", on_click="ignore")


def refreshed(chosen: list[Run]) -> None:
    overview(chosen)
    if st.session_state.pop("compare.changed", False):
        st.rerun()


st.html(STYLE)
st.title(words["title"])
runs = list_runs(home)
if not runs:
    st.write(words["lead"])
    st.write(words["no_runs"])
    if st.button(words["to_train"], type="primary", key="compare.train"):
        st.switch_page(places.TRAIN, query_params=places.NEW_RUN)
else:
    chosen = selected(home)
    live = any(run.state not in FINAL for run in runs)
    st.fragment(refreshed, run_every=3 if live else None)(chosen)
    if not chosen:
        st.write(words["choose"])
    else:
        if len(chosen) > MOST:
            st.write(words["too_many"].format(most=MOST))
        plot(
            "live",
            {"runs": [run.id for run in chosen[-MOST:]], "texts": texts.LIVE},
            key="compare",
            on_ended_change=lambda: None,
        )
    if len(chosen) > 1:
        st.markdown(f"##### {words['differences']}")
        apart = differences(chosen)
        if len(apart):
            st.dataframe(apart, width="content")
        else:
            st.write(words["same"])
