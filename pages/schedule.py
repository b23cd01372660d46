"""Schedule, the landing page: compose a learning-rate schedule and see its curve."""

import streamlit as st

from lrlab.charts import composer_data
from lrlab.ui import carried, people, places
from lrlab.ui import schedule_texts as texts
from lrlab.ui import tabs_texts as around
from lrlab.ui.fields import refusal
from lrlab.ui.measured_runs import measured_runs
from lrlab.ui.plot import plot
from lrlab.ui.share import share
from lrlab.ui.style import STYLE
from lrlab.ui.tabs import below

state, complaint = carried.preview_state()


def settled() -> None:
    """The composer came to rest: the page's address and the parts below follow."""
    carried.remember(st.session_state.composer.state)


def chosen() -> None:
    """'Train with this' was pressed."""
    carried.remember(st.session_state.composer.train)
    st.session_state.go_to_train = True


st.html(STYLE)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.title("Schedule", width="content")
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        st.page_link(places.GALLERY, label=around.GALLERY, width="content")
        share(carried.shared(), around.SHARE, key="share")
st.write(texts.LEAD)
if complaint:
    refusal(complaint)  # a link is a stranger's text: never through Markdown
plot(
    "preview",
    {
        **composer_data(state, measured_runs(people.desk())),
        "texts": texts.COMPOSER,
        **carried.pushed(),
    },
    key="composer",
    on_state_change=settled,
    on_train_change=chosen,
)
if st.session_state.pop("go_to_train", False):
    st.switch_page(places.TRAIN, query_params=places.NEW_RUN)
below(state)
