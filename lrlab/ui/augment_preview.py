"""A grid of training images beside what augmentation makes of them, drawn by the code that training runs.

The helper process draws it while the page stays as it is; what was drawn once is there at once.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any

import streamlit as st

from lrlab import jobs
from lrlab.desk import Desk
from lrlab.errors import LabError, NotFound
from lrlab.experiments import Experiment
from lrlab.ui import augment_texts as texts
from lrlab.ui.fields import refusal
from lrlab.ui.waiting import wait_for

IMAGES, VARIANTS = 4, 5

SHOWN, TURN, DRAWN = "augment.shown", "augment.turn", "augment.drawn"
"""In the session: the switch, how often other images were asked for, and what was drawn last: (question, answer or
refusal)."""

AT_ONCE = 0.2
"""Seconds that the page waits by itself: a warm helper draws small pictures in less, and nothing flickers."""

STYLE = """
<style>
.lrlab-seen { display: grid; grid-template-columns: repeat(var(--n), minmax(0, 8rem)); gap: 0.35rem; }
.lrlab-seen { font-size: 0.8rem; line-height: 1.25; }
.lrlab-seen figure { margin: 0; min-width: 0; }
.lrlab-seen img { display: block; width: 100%; aspect-ratio: 1; border-radius: 0.25rem; }
.lrlab-seen figcaption { overflow-wrap: anywhere; padding-top: 0.1rem; }
.lrlab-seen .lrlab-seen-head { align-self: end; opacity: 0.75; }
.lrlab-seen .lrlab-seen-head + .lrlab-seen-head { grid-column: 2 / -1; }
.lrlab-seen.lrlab-seen-old { opacity: 0.4; }
</style>
"""


def augment_preview(desk: Desk, asked: Experiment | None) -> None:
    """Draws the switch and, where it is on, the grid for `asked`; None says that its settings are refused."""
    if not st.toggle(texts.SHOW, key=SHOWN, help=texts.SHOW_HELP, persist_state="session"):
        return
    if asked is None:
        st.caption(texts.FAULTY)
        return
    try:
        question = _question(desk, asked)
    except NotFound as error:
        refusal(str(error))
        return
    known, answer = st.session_state.get(DRAWN, (None, None))
    if known == question:
        _show(answer)
        return
    future = _ask(desk, question)
    if wait([future], AT_ONCE).done:
        _show(_keep(question, future))
        return
    wait_for(future)
    if isinstance(answer, Mapping):  # the pictures of other settings stay, pale
        st.caption(texts.DRAWING)
        st.html(grid(answer["images"], old=True))
    else:
        st.caption(texts.FIRST)


def _question(desk: Desk, asked: Experiment) -> dict[str, Any]:
    """What the pictures depend on, and nothing more: an LR that is changed leaves them as they are."""
    # The id: a data set that is deleted and brought again has other images, maybe, under the same name.
    return {
        "dataset": desk.dataset(asked.dataset).id,
        "image_size": asked.image_size,
        "seed": (asked.seed + st.session_state.get(TURN, 0)) % 2**32,
        "validation": asked.validation.model_dump(),
        "augment": asked.augment.model_copy(update={"normalization": asked.normalization}).model_dump(),
    }


def _ask(desk: Desk, question: dict[str, Any]) -> Future[Any]:
    return jobs.ask_later(desk.home, "augmented", keep=True, experiment=question, images=IMAGES, variants=VARIANTS)


def _keep(question: dict[str, Any], future: Future[Any]) -> Any:
    """The answer, or the sentence of a refusal; it is what is shown until other pictures are asked for."""
    try:
        answer = future.result()
    except LabError as error:
        answer = str(error)
    st.session_state[DRAWN] = (question, answer)
    return answer


def _show(answer: Any) -> None:
    if isinstance(answer, str):
        refusal(answer)
    else:
        st.html(grid(answer["images"]))
    st.button(texts.OTHERS, key="augment.others", on_click=_turn)


def _turn() -> None:
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


def grid(images: Sequence[Mapping[str, Any]], *, old: bool = False) -> str:
    """The pictures as HTML, a line an image: the original, then what is seen. `old`: pale, since others are on the way.

    `images` as the question "augmented" answers. Names of classes are a stranger's text.
    """
    columns = 1 + max(len(image["variants"]) for image in images)
    cells = [f'<div class="lrlab-seen-head">{texts.ORIGINAL}</div><div class="lrlab-seen-head">{texts.SEEN}</div>']
    for image in images:
        cells.append(_figure(image["original"], texts.alternative(image["class"], None), image["class"]))
        for number, variant in enumerate(image["variants"], start=1):
            cells.append(_figure(variant["picture"], texts.alternative(image["class"], number), variant["label"]))
    kind = "lrlab-seen lrlab-seen-old" if old else "lrlab-seen"
    return f'{STYLE}<div class="{kind}" style="--n: {columns}">{"".join(cells)}</div>'


def _figure(picture: str, alternative: str, caption: str | None) -> str:
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img src="{html.escape(picture)}" alt="{html.escape(alternative)}">{below}</figure>'
