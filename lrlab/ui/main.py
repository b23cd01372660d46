"""The navigation script: every page passes through here."""

from pathlib import Path

import streamlit as st

from lrlab.ui.chip import chip

PAGES = Path(__file__).parents[2] / "pages"

STYLE = """
<style>
.stMainBlockContainer { max-width: 1400px; padding-top: 4.2rem; padding-bottom: 3rem; }
.stMainBlockContainer h1 { font-size: 1.7rem; padding: 0 0 0.2rem; }
.stMain { font-variant-numeric: tabular-nums; }
@media (max-width: 640px) { .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; } }
</style>
"""

st.set_page_config(page_title="lrlab", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")
st.html(STYLE)
page = st.navigation(
    [
        st.Page(PAGES / "schedule.py", title="Schedule", default=True),
        st.Page(PAGES / "gallery.py", title="Gallery"),
        st.Page(PAGES / "images.py", title="Images"),
        st.Page(PAGES / "find_lr.py", title="Find LR"),
        st.Page(PAGES / "train.py", title="Train"),
        st.Page(PAGES / "compare.py", title="Compare"),
    ],
    position="top",
)
chip()
page.run()
