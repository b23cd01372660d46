"""What to try next: what a run's own log shows, each finding with the reason and one change that may help.

Only what was measured is told, and nothing where nothing stands out. Epochs are counted from 1 here, as in all that is
said of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lrlab.experiments import Experiment
from lrlab.runs.advice.looks import LOOKS
from lrlab.runs.advice.model import Advice, Log
from lrlab.runs.record import RunRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Advice", "advise", "with_changes"]

MOST = 3
"""More at once would be a wall of text."""


def advise(
    record: RunRecord,
    steps: pd.DataFrame,
    epochs: pd.DataFrame,
    *,
    live: bool,
    images: Mapping[str, int] | None = None,
) -> list[Advice]:
    """What stands out in the log of a run, at most MOST findings. `images`: the training images of each class."""
    log = Log(record, steps, epochs, live, images or {})
    found: list[Advice] = []
    for look in LOOKS:
        found += look(log)
    return [_possible(record.experiment, one) for one in found][:MOST]


def with_changes(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    """`experiment` with the settings `changes`, by their dotted names; without a name, which told of the old ones."""
    raw = experiment.model_dump() | {"name": ""}
    for name, value in changes.items():
        part, _, inner = name.partition(".")
        raw[part] = {**raw[part], inner: value} if inner else value
    return Experiment.model_validate(raw)


def _possible(experiment: Experiment, advice: Advice) -> Advice:
    """`advice`, without its button where the changed experiment would be refused."""
    if advice.deed != "form":
        return advice
    try:
        with_changes(experiment, advice.changes)
    except ValidationError:
        return Advice(advice.name, advice.seen, advice.why)
    return advice
