"""The chosen model before it is trained: its parameters, memory and time for an epoch, and its layers in a fold.

A helper process finds them while the page stays as it is; what is known already stays there, pale, until then.
"""

from __future__ import annotations

import base64
import html
from concurrent.futures import Future
from typing import Any

import pandas as pd
import streamlit as st

from lrlab import jobs
from lrlab.charts import diagram
from lrlab.errors import LabError
from lrlab.experiments import MODELS, Experiment, Summary
from lrlab.home import Home
from lrlab.ui import texts
from lrlab.ui.fields import refusal
from lrlab.ui.markdown import plain
from lrlab.ui.train_state import Asked
from lrlab.ui.waiting import wait_for

KNOWN = "train.card"
"""In the session: what was answered last, by question: (arguments, answer or refusal)."""

OF_PACE = ("image_size", "batch_size", "accumulate", "model", "pretrained", "device", "precision")
"""The settings that the time of an epoch depends on, beside the optimiser's kind."""

LETTERS = {"light": "#1b2430", "dark": "#e6eaf0", "": "#7f8a96"}
"""The diagram's letters by the page's theme; a grey for either where that is not known."""

Answer = dict[str, Any] | str | None
"""What the helper said, its refusal as a sentence, or None while it is not known."""


def card(home: Home, asked: Asked) -> None:
    """Draws the card of the model that was entered; without a legal experiment there is none."""
    if asked.experiment is None or asked.plan is None:
        return
    questions = _questions(asked.experiment, asked.plan)
    _draw(asked.experiment, {name: _answer(home, name, arguments) for name, arguments in questions.items()})


def summary() -> Summary | None:
    """The layers of the model that was asked for last, where they are known."""
    _, answer = st.session_state.get(KNOWN, {}).get("summary", (None, None))
    return Summary.model_validate(answer) if isinstance(answer, dict) else None


def _questions(experiment: Experiment, plan: jobs.Plan) -> dict[str, dict[str, Any]]:
    classes = len(plan.dataset.classes)
    settings = experiment.model_dump(mode="json")
    trained = {name: settings[name] for name in OF_PACE} | {"optimizer": {"name": experiment.optimizer.name}}
    return {
        "summary": {
            "model": settings["model"],
            "num_classes": classes,
            "image_size": experiment.image_size,
            "pretrained": experiment.pretrained,
        },
        "pace": {
            "experiment": {**trained, "dataset": "any"},
            "num_classes": classes,
            "train": plan.train,
            "val": plan.val,
        },
    }


def _answer(home: Home, name: str, arguments: dict[str, Any]) -> Answer:
    """What is known; what is not, the page waits for. How fast the machine is, is measured anew in each session."""
    known: dict[str, tuple[dict[str, Any], Answer]] = st.session_state.setdefault(KNOWN, {})
    if name in known and known[name][0] == arguments:
        return known[name][1]
    future = jobs.ask_later(home, name, keep=name == "summary", **arguments)
    if not future.done():
        wait_for(future)
        return None
    known[name] = (arguments, _read(future))
    return known[name][1]


def _read(future: Future[Any]) -> Answer:
    try:
        answer: dict[str, Any] = future.result()
    except LabError as error:
        return str(error)
    return answer


def _draw(experiment: Experiment, answers: dict[str, Answer]) -> None:
    title = MODELS[experiment.model.name].title
    network, pace = answers["summary"], answers["pace"]
    known = Summary.model_validate(network) if isinstance(network, dict) else None
    parts = [texts.card_network(known)] if known else []
    if isinstance(pace, dict):
        parts.append(texts.card_pace(pace, experiment.epochs))
    elif pace is None:
        parts.append(texts.TRAIN["card_waits"])
    with st.expander(f"**{plain(title)}**  ·  {plain(', '.join(filter(None, parts)))}", key="train.card.fold"):
        for refused in (answer for answer in answers.values() if isinstance(answer, str)):
            refusal(refused)
        if known:
            _picture(known, title)
            _layers(known)


def _picture(network: Summary, title: str) -> None:
    """The diagram as an image, since a page's HTML may hold no drawing; so its letters get the page's colour here."""
    colour = LETTERS.get(str(st.context.theme.type), LETTERS[""])
    drawn = base64.b64encode(diagram(network).replace("currentColor", colour).encode()).decode()
    called = html.escape(texts.TRAIN["diagram"].format(model=title), quote=True)
    st.html(f'<img src="data:image/svg+xml;base64,{drawn}" alt="{called}" style="max-width: 100%">')


def _layers(network: Summary) -> None:
    rows = {
        texts.LAYER["name"]: [layer.name for layer in network.layers],
        texts.LAYER["kind"]: [" ".join(filter(None, (layer.kind, layer.detail))) for layer in network.layers],
        texts.LAYER["shape"]: [" x ".join(map(str, layer.shape)) for layer in network.layers],
        texts.LAYER["parameters"]: [layer.parameters for layer in network.layers],
        texts.LAYER["multiply_adds"]: [layer.multiply_adds for layer in network.layers],
    }
    thousands = {
        texts.LAYER[name]: st.column_config.NumberColumn(format="localized") for name in ("parameters", "multiply_adds")
    }
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=320, column_config=thousands)
