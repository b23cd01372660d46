"""Images: bring pictures in by upload, from the server or as the sample set, and see what came."""

import contextlib

import streamlit as st

from lrlab.charts import class_figure
from lrlab.datasets import (
    MAX_FILES,
    SAMPLE_NAME,
    Dataset,
    counts,
    grid_rows,
    sizes,
    split,
)
from lrlab.errors import LabError, NotFound
from lrlab.experiments import Validation
from lrlab.ui import asking, people, places
from lrlab.ui import images_choice as choice
from lrlab.ui import images_texts as texts
from lrlab.ui.belonging import belonging_of_images
from lrlab.ui.gallery import gallery
from lrlab.ui.plot import plot
from lrlab.ui.style import STYLE
from lrlab.ui.upload import upload

desk = people.desk()


def added() -> None:
    """A data set came in; one that this tab asked for is shown at once."""
    news = st.session_state.upload.added
    st.session_state.heard = news["id"]
    came = [dataset.name for dataset in desk.datasets() if dataset.id == news["id"]]
    if came and news["mine"]:
        st.session_state[choice.WIDGET] = came[0]


def delete(dataset: Dataset) -> None:
    """Once more with a look at the runs: one may have been started while the question stood there."""
    if runs := desk.users(dataset):
        raise LabError(texts.in_use(runs))
    with contextlib.suppress(NotFound):  # another tab was first
        desk.delete_dataset(dataset.id)
    choice.forget()


@st.dialog(texts.DELETE_TITLE)
def ask_to_delete(dataset: Dataset, facts: str) -> None:
    st.text(f"{dataset.name}: {facts}")
    if runs := desk.users(dataset):
        st.text(texts.in_use(runs))
        return
    st.write(texts.DELETE_IN_PLACE if dataset.source == "folder" else texts.DELETE_COPIES)
    asking.settle(texts.DELETE_YES, texts.DELETE_NO, lambda: delete(dataset))


@st.fragment
def examples(dataset: Dataset) -> None:
    """Ten images; the button changes only them."""
    turn = st.session_state.setdefault(f"turn_{dataset.id}", 0)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"##### {texts.EXAMPLES}", width="content")
        if st.button(texts.OTHERS, key="other_ten"):
            turn = st.session_state[f"turn_{dataset.id}"] = turn + 1
    gallery(dataset, grid_rows(dataset, 10, turn), texts.UNREADABLE, key="gallery")


def show(dataset: Dataset, names: list[str]) -> None:
    """Everything about one data set, below the choice among all of them."""
    validation = Validation()
    parts = split(dataset, validation)
    table = counts(dataset, parts)
    size = sizes(dataset)
    headline = texts.headline(dataset, size)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(texts.CHOICE, names, key=choice.WIDGET, width=320)
        if st.button(texts.TRAIN, type="primary", key="train"):
            st.switch_page(places.TRAIN, query_params=places.NEW_RUN)
        if desk.may("delete a data set", dataset) and st.button(texts.DELETE, key="delete"):
            asking.begin()
            ask_to_delete(dataset, headline)
    belonging_of_images(desk, dataset)
    st.write(headline)
    chart, facts = st.columns([3, 2], gap="large")
    with chart:
        st.markdown(f"##### {texts.CLASSES}")
        plot("still", {"figure": class_figure(table), "label": texts.chart_label(dataset)}, key="classes")
        with st.expander(texts.TABLE):
            shown = table.rename(columns=texts.PARTS).reset_index(names=texts.CLASS)
            wide = {texts.CLASS: st.column_config.Column(width="large")}
            st.dataframe(shown, hide_index=True, column_config=wide)
    with facts:
        st.markdown(f"##### {texts.SPLIT}")
        with st.container(horizontal=True):
            for column, title in texts.PARTS.items():
                st.metric(title, f"{table[column].sum():,}")
        st.write(texts.split_sentence(parts, validation))
        st.markdown(f"##### {texts.SIZES}")
        st.write(texts.size_sentence(size))
        if dataset.notes:
            st.markdown(f"##### {texts.NOTES}")
            for note in dataset.notes:
                st.text(note)
    if dataset.refused:
        with st.expander(texts.refused_title(len(dataset.refused))):
            rows = [{texts.FILE: refusal.name, texts.REASON: refusal.reason} for refusal in dataset.refused]
            st.dataframe(rows, hide_index=True, column_config={texts.REASON: st.column_config.Column(width="large")})
    examples(dataset)


st.html(STYLE)
st.title("Images")
st.write(texts.LEAD)
datasets = desk.datasets()
upload(
    {
        "texts": texts.CONTROL,
        "first": not datasets,
        "taken": [dataset.name for dataset in datasets],
        "sample": SAMPLE_NAME,
        "imports": [{"id": status.id, "dataset": status.dataset} for status in desk.imports()],
        "most_files": MAX_FILES,
        "heard": st.session_state.get("heard"),
        "server": desk.may("add images that lie on the server"),
    },
    key="upload",
    on_added_change=added,
)
if datasets:
    names = [dataset.name for dataset in datasets]
    if not choice.settle(names):
        st.warning(texts.BAD_LINK)
    chosen = next(dataset for dataset in datasets if dataset.name == st.session_state[choice.WIDGET])
    choice.carry(chosen.name)
    try:
        show(chosen, names)
    except NotFound:
        st.warning(texts.GONE)
