"""The sentence above a comparison: what the eye should see, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from statistics import fmean

from lrlab.experiments import Validation
from lrlab.runs.compare import all_settings, labels, with_own_validation
from lrlab.runs.frames import EPOCHS, read_table
from lrlab.runs.record import Measure, RunRecord
from lrlab.runs.run import Run
from lrlab.runs.standing import best

MEASURED: Mapping[frozenset[Measure], str] = {
    frozenset({"val_accuracy"}): "best val accuracy",
    frozenset({"val_loss"}): "val accuracy at the lowest val loss",
}
"""What is compared, by what the best models of the runs were chosen by."""


@dataclass(frozen=True)
class _Group:
    """Runs that differ in nothing but their seed, and the best validation accuracy of each seed in per cent.

    Runs of one seed are one measurement, however often it was made: their mean counts. `again`: there are such.
    """

    label: str
    values: tuple[float, ...]
    again: bool

    @property
    def mean(self) -> float:
        return fmean(self.values)


def headline(runs: Sequence[Run]) -> str:
    """One sentence on the validation accuracies of the best models; runs that differ only in their seed count as one.

    Such as "StepLR ends 4.1 points above Fixed (best val accuracy, 1 run each: repeat over seeds to be sure)".
    Empty where no run has been validated.
    """
    known = [(run, accuracy) for run in runs if (accuracy := _accuracy(run)) is not None]
    if not known:
        return ""
    records = [run.record for run, _ in known]
    own = with_own_validation(records)
    if len({_validated_on(record, own) for record in records}) > 1:
        return "These runs were validated on different images: their accuracies do not compare"
    groups = sorted(_groups(known), key=lambda group: -group.mean)
    same = "; runs of the same seed count as one" if any(group.again for group in groups) else ""
    open_ = any(run.record.state in ("queued", "running") for run in runs)
    measured = MEASURED.get(frozenset(record.best_by for record in records), "val accuracy of each run's best model")
    return _claim(groups, so_far=open_) + f" ({_trust(groups, measured)}{same})"


def _accuracy(run: Run) -> float | None:
    record = run.record
    _, accuracy = best(read_table(EPOCHS, run.folder, record.attempts), record.best_by)
    return None if accuracy is None else 100 * accuracy


def _validated_on(record: RunRecord, own_validation: Set[str]) -> tuple[str, Validation | None]:
    """Which images: how they were drawn decides, unless they lay in a folder of their own."""
    return record.dataset.id, None if record.dataset.id in own_validation else record.experiment.validation


def _groups(known: Sequence[tuple[Run, float]]) -> list[_Group]:
    alike: dict[tuple[tuple[str, str], ...], dict[str, list[float]]] = {}
    for (_, accuracy), settings in zip(known, all_settings([run for run, _ in known]), strict=True):
        others = tuple((key, value) for key, value in settings.items() if key != "seed")
        alike.setdefault(others, {}).setdefault(settings["seed"], []).append(accuracy)
    names = labels([dict(key) for key in alike])
    if len(alike) == 1:
        names = [known[0][0].record.name]
    return [
        _Group(name or "the rest", tuple(map(fmean, seeds.values())), any(len(each) > 1 for each in seeds.values()))
        for name, seeds in zip(names, alike.values(), strict=True)
    ]


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


def _trust(groups: Sequence[_Group], measured: str) -> str:
    counts = [len(group.values) for group in groups]
    if len(groups) == 1:
        values = groups[0].values
        spread = f" from {min(values):.1f} to {max(values):.1f} %" if len(values) > 1 else ""
        return f"{measured}, {_runs(counts[0])}{spread}"
    each = f"{_runs(counts[0])} each" if len(set(counts)) == 1 else f"{' and '.join(map(str, counts))} runs"
    if min(counts) == 1:
        return f"{measured}, {each}: repeat over seeds to be sure"
    best_, next_ = groups[0].values, groups[1].values
    verdict = "the ranges overlap, so it may be chance" if min(best_) <= max(next_) else "the ranges do not overlap"
    return f"mean {measured}, {each}: {verdict}"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
