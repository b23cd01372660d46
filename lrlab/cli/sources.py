"""Where the `schedule` command takes a schedule from: a file, a name, a link, or pasted code."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.cli.documents import changed, read_json
from lrlab.cli.terminal import note
from lrlab.errors import LabError, shown

if TYPE_CHECKING:
    from lrlab.schedules import Composition, Question, ScheduleSpec

_LINK = re.compile(r"\d+\.[\w-]+|\S*[?&]schedule=\S+", re.ASCII)
_PARTS = ("interval", "scheduler", "warmup")


def composition_of(given: argparse.Namespace) -> Composition:
    """The schedule that the command line asks for, on its run. Raises LabError, OSError or a ValidationError."""
    from lrlab.schedules import RUN, Composition

    asked = {
        parameter.name: getattr(given, parameter.name)
        for parameter in RUN
        if getattr(given, parameter.name) is not None
    }
    if given.read is not None:
        if given.spec is not None:
            raise LabError("schedule: got a schedule and --read, allowed: one of them")
        made = _read(given.read, given.answer, Composition.model_validate(asked))
    elif given.spec is None:
        raise LabError("schedule: nothing is given, allowed: a file, a name, a link, or --read; see --help")
    else:
        made = _named(given, Composition.model_validate(asked))
    made = Composition.model_validate({**dict(made), **asked})
    if given.set:
        made = made.model_copy(update={"schedule": _changed(made.schedule, given.set)})
    return made.with_interval(given.interval) if given.interval else made


def _named(given: argparse.Namespace, run: Composition) -> Composition:
    """What the one argument stands for; a name wins over a file of the same name."""
    from lrlab.schedules import CATALOGUE, PRESETS, RECIPES, ScheduleSpec, from_link, starting

    spec: str = given.spec
    if spec in CATALOGUE:
        interval = given.interval or CATALOGUE[spec].intervals[0]
        scheduler = starting(spec, interval, run.epochs, run.steps_per_epoch, lr=run.lr)
        return run.model_copy(update={"schedule": ScheduleSpec(interval=interval, scheduler=scheduler)})
    if spec in RECIPES:
        values, given.set = changed({}, given.set)[0], []
        schedule = RECIPES[spec].expand(values, run.epochs, run.steps_per_epoch, run.lr)
        return run.model_copy(update={"schedule": schedule})
    preset = next((preset for preset in PRESETS if preset.name == spec), None)
    if preset:
        return preset.composition
    if _LINK.fullmatch(spec):
        return from_link(spec)
    names = [*CATALOGUE, *RECIPES, *(preset.name for preset in PRESETS)]
    if re.fullmatch(r"[\w-]*[A-Za-z][\w-]*", spec) and not Path(spec).exists():
        close = get_close_matches(spec, names, n=1)
        guess = f" (did you mean {close[0]}?)" if close else ""
        raise LabError(
            f"schedule: got {shown(spec)}{guess}, allowed: a file of JSON, a link, or the name of a scheduler, "
            "a recipe or a preset; see --help"
        )
    return _document(read_json(spec), run)


def _document(document: Any, run: Composition) -> Composition:
    """A schedule, or a whole composition, which brings its own run."""
    from lrlab.schedules import Composition, ScheduleSpec

    if isinstance(document, dict) and "schedule" in document:
        return Composition.model_validate(document)
    return run.model_copy(update={"schedule": ScheduleSpec.model_validate(document)})


def _changed(schedule: ScheduleSpec, settings: Sequence[str]) -> ScheduleSpec:
    """`schedule` with each "key=value" set: a parameter of its scheduler, or with a dot whatever a schedule holds."""
    full = [one if _is_whole(one) else f"scheduler.{one}" for one in settings]
    document, remarks = changed(schedule.model_dump(mode="json", exclude_none=True), full)
    for remark in remarks:
        note(remark)
    return type(schedule).model_validate(document)


def _is_whole(setting: str) -> bool:
    """Whether the key says where in the schedule it stands; one that is no setting at all is refused as it is."""
    key, equals, _ = setting.partition("=")
    return not equals or key.split(".")[0].strip() in _PARTS


def _read(path: str, answers: Sequence[str], run: Composition) -> Composition:
    """The schedule in the code in `path`, as told on stderr; LabError says which numbers are missing."""
    from lrlab.schedules import read_code

    content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    text = content.decode("utf-8-sig", "replace")
    reading = read_code(text, epochs=run.epochs, steps_per_epoch=run.steps_per_epoch, answers=_answers(answers))
    for sentence in reading.notes:
        note(f"note: {sentence}")
    if reading.questions:
        sentences = " ".join(question.sentence for question in reading.questions)
        options = " ".join(f"--answer {shlex.quote(f'{one.name}={_proposed(one)}')}" for one in reading.questions)
        raise LabError(f"{sentences} Say it with {options}")
    return reading.onto(run)


def _proposed(question: Question) -> str:
    return "NUMBER" if question.proposal is None else str(question.proposal)


def _answers(answers: Sequence[str]) -> Mapping[str, float]:
    found = {}
    for answer in answers:
        name, _, text = answer.rpartition("=")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = None
        if not name or isinstance(value, bool) or not isinstance(value, int | float):
            raise LabError(f"--answer: got {shown(answer)}, allowed: NAME=NUMBER, such as 'len(dataloader)=30'")
        found[name.strip()] = value
    return found
