"""The sentence above a comparison: what the eye should see, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrlab.runs.compare import all_settings, labels
from lrlab.runs.frames import EPOCHS, read_table
from lrlab.runs.record import RunRecord
from lrlab.runs.run import Run
from lrlab.runs.standing import best


@dataclass(frozen=True)
class _Group:
    """Runs that differ in nothing but their seed, and their best validation accuracies in per cent."""

    label: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)


def headline(runs: Sequence[Run]) -> str:
    """One sentence on the best validation accuracies of `runs`; runs that differ only in their seed count as one.

    Such as "StepLR ends 4.1 points above Fixed (best val accuracy, 1 run each: repeat over seeds to be sure)".
    Empty where no run has been validated.
    """
    found = [(record, _accuracy(run, record)) for run in runs for record in (run.record,)]
    known = [(record, accuracy) for record, accuracy in found if accuracy is not None]
    if not known:
        return ""
    records = [record for record, _ in known]
    if len({(record.dataset.id, record.experiment.validation) for record in records}) > 1:
        return "These runs were validated on different images: their accuracies do not compare"
    groups = sorted(_groups(known), key=lambda group: -group.mean)
    open_ = any(record.state in ("queued", "running") for record, _ in found)
    return _claim(groups, so_far=open_) + f" ({_trust(groups)})"


def _accuracy(run: Run, record: RunRecord) -> float | None:
    _, accuracy = best(read_table(EPOCHS, run.folder, record.attempts))
    return None if accuracy is None else 100 * accuracy


def _groups(known: Sequence[tuple[RunRecord, float]]) -> list[_Group]:
    every = all_settings([record for record, _ in known])
    alike: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for (_, accuracy), settings in zip(known, every, strict=True):
        alike.setdefault(tuple((key, value) for key, value in settings.items() if key != "seed"), []).append(accuracy)
    names = labels([dict(key) for key in alike])
    if len(alike) == 1:
        names = [known[0][0].name]
    return [_Group(name or "the rest", tuple(values)) for name, values in zip(names, alike.values(), strict=True)]


def _claim(groups: Sequence[_Group], *, so_far: bool) -> str:
    first, *others = groups
    now = " so far" if so_far else ""
    if not others:
        average = " on average" if len(first.values) > 1 else ""
        return f"{first.label} reaches {first.mean:.1f} %{average}{now}"
    verb = "is" if so_far else "ends"
    if len(others) == 1:
        gap = first.mean - others[0].mean
        if f"{gap:.1f}" == "0.0":
            return f"{first.label} and {others[0].label} {'are' if so_far else 'end'} level at {first.mean:.1f} %{now}"
        return f"{first.label} {verb} {gap:.1f} points above {others[0].label}{now}"
    below = ", ".join(f"{first.mean - other.mean:.1f} above {other.label}" for other in others)
    return f"{first.label} {verb} highest at {first.mean:.1f} %{now}: {below}"


def _trust(groups: Sequence[_Group]) -> str:
    counts = [len(group.values) for group in groups]
    if len(groups) == 1:
        values = groups[0].values
        spread = f" from {min(values):.1f} to {max(values):.1f} %" if len(values) > 1 else ""
        return f"best val accuracy, {_runs(counts[0])}{spread}"
    each = f"{_runs(counts[0])} each" if len(set(counts)) == 1 else f"{' and '.join(map(str, counts))} runs"
    if min(counts) == 1:
        return f"best val accuracy, {each}: repeat over seeds to be sure"
    best_, next_ = groups[0].values, groups[1].values
    verdict = "the ranges overlap, so it may be chance" if min(best_) <= max(next_) else "the ranges do not overlap"
    return f"mean best val accuracy, {each}: {verdict}"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
