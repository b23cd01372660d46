"""Code in: the schedule that a pasted text says, whether one expression or a whole training script.

The text is read, never executed: its syntax tree is walked, plain arithmetic is done, and whatever else a value hangs
on is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pydantic_core
from pydantic import ValidationError

from lrlab.errors import from_validation, shown
from lrlab.schedules.composition import Composition, ParameterGroup
from lrlab.schedules.reading.choice import chosen
from lrlab.schedules.reading.optimizer import rates_of
from lrlab.schedules.reading.script import read_script
from lrlab.schedules.reading.text import MAX_CHARACTERS, parsed, quoted, refusal
from lrlab.schedules.reading.torchs import Findings
from lrlab.schedules.reading.values import Evaluator, is_number
from lrlab.schedules.spec import ScheduleSpec


@dataclass(frozen=True)
class Question:
    """A number that the text does not hold. `name`: as it stands there, such as "len(dataloader)".

    `sentence`: what it is for. `proposal`: what it may be, as far as its name says; None where it says nothing.
    """

    name: str
    sentence: str
    proposal: int | float | None


@dataclass(frozen=True)
class Reading:
    """What a text says. `spec` is None as long as there are questions.

    `lr`, `groups`: of the optimiser in it. `epochs`, `steps_per_epoch`: of its training loop. None or empty where it
    does not say. `notes`: sentences about what was dropped, assumed or noticed.
    """

    spec: ScheduleSpec | None
    lr: float | None = None
    groups: tuple[ParameterGroup, ...] = ()
    epochs: int | None = None
    steps_per_epoch: int | None = None
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()

    def onto(self, composition: Composition) -> Composition:
        """`composition` with what was read in place of its own. Raises LabError while there are questions."""
        if self.spec is None:
            raise refusal(f"{self.questions[0].sentence}")
        found = {"lr": self.lr, "epochs": self.epochs, "steps_per_epoch": self.steps_per_epoch}
        values = composition.model_dump() | {name: value for name, value in found.items() if value is not None}
        values["schedule"], values["groups"] = self.spec, self.groups
        try:
            return Composition.model_validate(values)
        except ValidationError as error:
            raise from_validation(error) from error


def read_code(text: str, *, epochs: int, steps_per_epoch: int, answers: Mapping[str, float] | None = None) -> Reading:
    """The schedule in `text`: Python with torch's or Keras's schedulers in it, or the JSON of a schedule.

    `epochs`, `steps_per_epoch`: of the run that it is read for, from which answers are proposed. `answers`: numbers by
    `Question.name`. Raises LabError (field "code") that quotes the part at fault. Nothing of `text` is executed.
    """
    if text.lstrip().startswith("{"):
        return _read_json(text)
    answers = _numbers(answers or {})
    script = read_script(parsed(text), answers)
    run_epochs = script.epochs or epochs
    run_steps = script.steps_per_epoch or steps_per_epoch
    findings = Findings()
    rates = rates_of(script, findings)
    choice = chosen(script, rates, run_steps, Evaluator(answers), findings)
    questions = tuple(
        Question(name, f"How much is {quoted(name)}? It stands in {what}.", proposal(name, run_epochs, run_steps))
        for name, what in findings.missing.items()
    )
    return Reading(
        None if questions else choice.spec,
        choice.lr if choice.lr is not None else rates.lr,
        rates.groups,
        script.epochs,
        script.steps_per_epoch,
        tuple(findings.notes),
        questions,
    )


def _numbers(answers: Mapping[str, float]) -> Mapping[str, float]:
    for name, value in answers.items():
        if not is_number(value) or not abs(value) <= 1e15:
            raise refusal(f"{quoted(name)}: got {shown(value)}, allowed: a number")
    # A whole number counts something, whichever way it was typed.
    return {name: int(value) if float(value).is_integer() else value for name, value in answers.items()}


def proposal(name: str, epochs: int, steps_per_epoch: int) -> int | None:
    """What a number of that name usually is in a run of `epochs` x `steps_per_epoch` updates."""
    words = name.lower().replace("_", "")
    if "warm" in words or "lr" in words.replace("dataloader", ""):
        return None
    if re.search("(total|training|train|max)(steps|iters)", words):
        return epochs * steps_per_epoch
    if re.search(r"perepoch|len\(|batches|iters", words):
        return steps_per_epoch
    return epochs if "epoch" in words else None


def _read_json(text: str) -> Reading:
    if len(text) > MAX_CHARACTERS:
        raise refusal(f"got {len(text):,} characters, allowed: at most {MAX_CHARACTERS:,}")
    try:
        value = pydantic_core.from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise refusal(f"it begins like JSON, and is none ({error})") from error
    try:
        if "schedule" not in value:
            return Reading(ScheduleSpec.model_validate(value))
        whole = Composition.model_validate(value)
    except ValidationError as error:
        raise from_validation(error) from error
    return Reading(whole.schedule, whole.lr, whole.groups, whole.epochs, whole.steps_per_epoch)
