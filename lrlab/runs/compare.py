"""What tells runs apart: their settings side by side, and legends that name only what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import pandas as pd

from lrlab.experiments import FIELDS, Experiment, Group
from lrlab.runs.record import FINAL, RunRecord
from lrlab.runs.run import Run
from lrlab.runs.standing import stopped, updates_made
from lrlab.schedules import number

Settings = Mapping[str, str]

BARE = frozenset({"dataset", "model", "optimizer", "schedule", "training"})
"""Settings whose value says what it is: a legend shows "StepLR", not "schedule StepLR"."""

ABSENT = "-"
"""Stands where a run has no such setting."""


def differences(runs: Sequence[Run]) -> pd.DataFrame:
    """The settings that differ: one row each (the index, "setting"), one column per run, values as text.

    What was done to a run later counts too: more epochs, an LR set by hand, a stop before the end. A scheduler's and
    an optimiser's own parameters bear its name, such as "StepLR.gamma". Columns are the runs' names, made different
    where two are the same.
    """
    records = [run.record for run in runs]
    every = all_settings(runs)
    rows = {key: [one.get(key, ABSENT) for one in every] for key in _keys(every)}
    differing = {key: values for key, values in rows.items() if len(set(values)) > 1}
    columns = _distinct([record.name for record in records], records)
    return pd.DataFrame.from_dict(differing, orient="index", columns=columns, dtype="str").rename_axis("setting")


def legend(runs: Sequence[Run]) -> list[str]:
    """One short text per run that names only what differs between them; no two are the same.

    Where the settings are the same, the runs' names are used, and where those are too, their order of creation.
    """
    records = [run.record for run in runs]
    return _distinct(labels(all_settings(runs)), records)


def labels(every: Sequence[Settings]) -> list[str]:
    """One text per mapping of settings: what differs among those that have the setting at all; may be empty."""
    differing = [key for key in _keys(every) if len({one[key] for one in every if key in one}) > 1]
    return [" · ".join(_part(key, one[key]) for key in differing if key in one) for one in every]


def all_settings(runs: Sequence[Run]) -> list[Settings]:
    """Every setting of each run as text by its dotted name, in the form's order; the name of the run is none."""
    records = [run.record for run in runs]
    sets = {(record.dataset.name, record.dataset.id) for record in records}
    namesakes = Counter(name for name, _ in sets)
    own = with_own_validation(records)
    return [
        _settings(record, record.dataset.name + f" ({record.dataset.id})" * (namesakes[record.dataset.name] > 1), own)
        | {"training": _training(run, record)}
        for run, record in zip(runs, records, strict=True)
    ]


def with_own_validation(records: Iterable[RunRecord]) -> set[str]:
    """The data sets (ids) that bring their validation images in a folder of their own, as any of their runs tells.

    The fact is the data set's: runs of an lrlab that did not write it down yet are told by those beside them.
    """
    return {record.dataset.id for record in records if record.dataset.by_folders}


def _settings(record: RunRecord, dataset: str, own_validation: Set[str]) -> dict[str, str]:
    experiment = record.experiment
    found = {"dataset": dataset, "model": experiment.model.name}
    for field in FIELDS:
        part, _, inner = field.partition(".")
        if field not in ("name", "dataset") and not (part == "validation" and record.dataset.id in own_validation):
            value = getattr(experiment, part)
            found[field] = _told(getattr(value, inner) if inner else value)
    if record.epochs != experiment.epochs:  # the schedule is still the one of the planned epochs
        found["epochs"] = f"{record.epochs}, planned for {experiment.epochs}"
    by_hand = [f"x {shown(change.factor)} from update {change.step}" for change in record.lr_changes]
    return {**found, **_optimizer(experiment), **_schedule(experiment), "LR by hand": ", ".join(by_hand) or "none"}


def _training(run: Run, record: RunRecord) -> str:
    """How far the run was trained; one that is still to end may yet reach its planned end."""
    if record.state in FINAL and record.state != "succeeded":
        return stopped(updates_made(run.folder, record), record)
    return "as planned"


def _told(value: Any) -> str:
    """A value of a setting; a group of parameters by its name, pattern and LR."""
    if value is None:
        return "its own"
    if isinstance(value, tuple) and value and isinstance(value[0], Group):
        rates = (f"x {shown(group.multiplier)}" if group.multiplier else shown(group.lr) for group in value)
        return ", ".join(f"{group.name} ({group.pattern}) {rate}" for group, rate in zip(value, rates, strict=True))
    return shown(value)


def shown(value: Any) -> str:
    """A value of a setting as a person writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value) if float(number(value)) == value else repr(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(shown, value))}]"
    return str(value)


def _optimizer(experiment: Experiment) -> dict[str, str]:
    optimizer = experiment.optimizer
    parameters = optimizer.model_dump(exclude={"name", "lr"})
    found = {"optimizer": optimizer.name, "lr": shown(optimizer.lr)}
    return found | {f"{optimizer.name}.{key}": shown(value) for key, value in parameters.items()}


def _schedule(experiment: Experiment) -> dict[str, str]:
    spec = experiment.schedule
    name, parameters = spec.scheduler.name, spec.scheduler.model_dump(exclude={"name"})
    if parameters:  # a Fixed LR has none, and it is the same per epoch and per step
        parameters["interval"] = spec.interval
    found = {"schedule": name} | {f"{name}.{key}": shown(value) for key, value in parameters.items()}
    if spec.warmup is None:
        return found | {"warm-up": "none"}
    unit = spec.warmup.unit + ("s" if spec.warmup.length != 1 else "")
    return found | {"warm-up": f"{spec.warmup.length} {unit} from {shown(spec.warmup.start_factor)} x LR"}


def _keys(every: Sequence[Settings]) -> list[str]:
    return list(dict.fromkeys(key for one in every for key in one))


def _part(key: str, value: str) -> str:
    return value if key in BARE else f"{key.rpartition('.')[2]} {value}"


def _distinct(texts: Sequence[str], records: Sequence[RunRecord]) -> list[str]:
    """`texts`, with the run's name and then a number added to those that are not the only one of their kind."""
    count = Counter(texts)
    named = [
        text if text and count[text] == 1 else " · ".join(dict.fromkeys(filter(None, (text, record.name))))
        for text, record in zip(texts, records, strict=True)
    ]
    count = Counter(named)
    result = list(named)
    for text in (text for text, times in count.items() if times > 1):
        places = [place for place, other in enumerate(named) if other == text]
        for turn, place in enumerate(sorted(places, key=lambda place: records[place].created), start=1):
            result[place] = f"{text} ({turn})"
    return result
