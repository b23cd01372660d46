"""Code read into the composer: what it says, what it does not say and is asked for, and the button that takes it."""

from __future__ import annotations

import math

import streamlit as st

from lrlab.charts import PreviewState, logged_metric
from lrlab.errors import LabError, shown
from lrlab.schedules import Composition, OneCycleLR, Question, Reading, check, label, number, read_code
from lrlab.ui import carried
from lrlab.ui import tabs_texts as texts
from lrlab.ui.fields import refusal, written
from lrlab.ui.markdown import plain
from lrlab.ui.sparkline import sparkline

HEIGHT = 260
MOST_ROUNDS = 10
"""An answer may bring another question up; a text that goes on asking is given up."""


def paste(state: PreviewState) -> None:
    """Draws the field, and beside it what stands in it."""
    field, result = st.columns(2, gap="medium")
    with field:
        text = st.text_area(
            texts.PASTE_HERE, key="paste.text", height=HEIGHT, placeholder=texts.PASTE_EXAMPLE, persist_state="session"
        )
        st.button(texts.READ, key="paste.read")  # leaving the field sends it; the button is where one goes to
    with result:
        if not text.strip():
            st.write(texts.PASTE_LINE)
            return
        try:
            reading = _read(text, state.composition)
            if reading:
                _offer(reading, state)
        except LabError as error:
            refusal(str(error).removeprefix("code: "))


def _read(text: str, composition: Composition) -> Reading | None:
    """What the text says with the answers given so far; None while one is missing."""
    answers: dict[str, float] = {}
    for _ in range(MOST_ROUNDS):
        reading = read_code(
            text, epochs=composition.epochs, steps_per_epoch=composition.steps_per_epoch, answers=answers
        )
        if not reading.questions:
            return reading
        if not answers:
            st.write(texts.MISSING)
        given = {question.name: _ask(question) for question in reading.questions}
        if None in given.values():
            return None
        answers |= {name: value for name, value in given.items() if value is not None}
    raise LabError(texts.ASKS_ON)


def _ask(question: Question) -> float | None:
    """A field for the number; what is proposed stands in it at first."""
    key = f"paste.answer.{question.name}"
    proposal = question.proposal
    st.session_state.setdefault(key, "" if proposal is None else written(proposal))
    # A label is Markdown where it is seen, and read out as it stands where it is not: the sentence is drawn by itself.
    st.markdown(plain(question.sentence))
    field = st.text_input(question.sentence, key=key, label_visibility="collapsed", persist_state="session")
    typed = field.strip()
    if not typed:
        return None
    try:
        value = float(typed)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        refusal(texts.NO_NUMBER.format(got=shown(typed)))
        return None
    return value


def _offer(reading: Reading, state: PreviewState) -> None:
    """What was read, drawn small and in words; a schedule that this run refuses can be repaired on the way in."""
    composition = reading.onto(state.composition)
    try:
        curve = composition.curve(logged_metric(composition))
    except LabError as error:
        refusal(str(error))
        wanted = _other_runs(composition)
        wanted |= {found.repair.label: found.repair.composition for found in check(composition) if found.repair}
    else:
        sparkline(curve.lr)
        wanted = {texts.USE: composition}
    st.markdown(f"**{plain(label(composition.schedule))}**\n\n{plain(_taken(reading))}")
    if reading.notes:
        st.markdown("\n".join(f"- {plain(note)}" for note in reading.notes))
    with st.container(horizontal=True):
        for place, (title, value) in enumerate(wanted.items()):
            if st.button(title, type="primary", key=f"paste.use.{place}"):
                carried.push(state.with_composition(value))
                st.rerun()


def _other_runs(composition: Composition) -> dict[str, Composition]:
    """A run that is as long as the cycle which torch refuses to go on after; by what the button says."""
    cycle = composition.schedule.scheduler
    if not isinstance(cycle, OneCycleLR) or composition.schedule.warmup:
        return {}
    steps = cycle.steps_per_epoch or composition.steps_per_epoch
    if composition.schedule.interval == "epoch":
        epochs, steps = cycle.length, composition.steps_per_epoch
    elif cycle.length % steps == 0:
        epochs = cycle.length // steps
    else:
        return {}
    run = {**dict(composition), "epochs": epochs, "steps_per_epoch": steps}
    return {texts.USE_FOR.format(epochs=epochs, steps=steps): Composition.model_validate(run)}


def _taken(reading: Reading) -> str:
    """What else is taken from the text."""
    told = (
        (texts.WITH_LR, None if reading.lr is None else number(reading.lr)),
        (texts.WITH_EPOCHS, reading.epochs),
        (texts.WITH_STEPS, reading.steps_per_epoch),
        (texts.WITH_GROUPS, len(reading.groups) or None),
    )
    return " · ".join(words.format(value) for words, value in told if value is not None)
