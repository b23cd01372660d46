"""Every entry of every catalogue in a real run of two epochs on sign_digits; writes docs/EVERY_CHOICE.md.

    nice python tests/benchmarks/every_choice.py [--only WORD] [--lab FOLDER]

Each model, optimiser, scheduler, recipe and setting of an experiment is chosen once, all else left at its default, and
goes through the queue to a worker like any other run. The accuracies say that something was learnt, not which choice is
better: two epochs tell nothing about that. Exit code 1 where a run failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from measured_lab import PROJECT, has, trained

from lrlab.experiments import FIELDS, MODELS, OPTIMIZERS, Experiment, ExperimentField, weights_path
from lrlab.home import lab_home
from lrlab.runs import Run, duration
from lrlab.schedules import CATALOGUE, FORMS, RECIPES, ScheduleSpec, starting

DATASET = "sign_digits"
PRETRAINED = "squeezenet1_1"
BASE: dict[str, Any] = {"dataset": DATASET, "image_size": 32, "batch_size": 32, "epochs": 2}
STEPS_PER_EPOCH, LR = 15, 0.001
"""480 of the 600 images are trained on."""

LEAVES = {"name", "dataset", "image_size", "batch_size", "epochs", "seed", "validation.seed", "device"}
"""Settings that every run has, whatever it shows."""

SETTINGS: dict[str, dict[str, Any]] = {
    "param_groups.by": {"param_groups": {"groups": [{"name": "weights", "pattern": "*.weight", "multiplier": 0.5}]}},
    "param_groups.groups": {"param_groups": {"by": "pattern"}},
    "clip.limit": {"clip": {"by": "norm"}},
    "early_stopping.patience": {"early_stopping": {"monitor": "val_loss"}},
    "early_stopping.min_delta": {"early_stopping": {"monitor": "val_loss"}},
    "early_stopping.start_from_epoch": {"early_stopping": {"monitor": "val_loss"}},
    "plateau_metric": {"schedule": {"scheduler": {"name": "ReduceLROnPlateau"}}},
    "pretrained": {"model": {"name": PRETRAINED}},
}
"""What a setting needs beside it to be of any effect."""

VALUES: dict[str, Any] = {
    "accumulate": 3,
    "validation.fraction": 0.3,
    "model.dropout": 0.3,
    "model.batch_norm": False,
    "regularization.l1": 1e-5,
    "regularization.l2": 1e-4,
    "regularization.label_smoothing": 0.1,
    "early_stopping.patience": 1,
    "early_stopping.min_delta": 0.5,
    "early_stopping.start_from_epoch": 1,
    "param_groups.groups": [{"name": "head", "pattern": "head.*", "lr": 0.002}],
    "clip.limit": 0.1,
    "augment.rotation": 15,
    "augment.hue": 0.1,
    "augment.horizontal_flip": 1.0,
}
"""One telling value of a setting that is a number; a probability or a strength without one here is set to a half."""


@dataclass
class Case:
    """One choice: its catalogue, its name in the table, and the settings that make it."""

    catalogue: str
    choice: str
    settings: dict[str, Any]
    run: Run | None = field(default=None, compare=False)


def cases() -> Iterator[Case]:
    for name, entry in MODELS.items():
        yield Case("model", name, {"model": {"name": name}, "image_size": max(32, entry.least)})
    for name in OPTIMIZERS:
        yield Case("optimizer", name, {"optimizer": {"name": name}})
    for name in CATALOGUE:
        for form in [""] + [other.name for other in FORMS.get(name, ())[1:]]:
            yield Case("scheduler", " ".join(filter(None, [name, form])), schedule(name, form))
    for name, recipe in RECIPES.items():
        made = recipe.expand({}, 2, STEPS_PER_EPOCH, LR)
        yield Case("recipe", name, {"schedule": made.model_dump()})
    for name, setting in FIELDS.items():
        if name not in LEAVES:
            yield from choices(name, setting)


def schedule(name: str, form: str) -> dict[str, Any]:
    interval = "step" if name in ("OneCycleLR", "CyclicLR") else "epoch"
    values = starting(name, interval, 2, STEPS_PER_EPOCH, form=form)
    return {"schedule": ScheduleSpec(interval=interval, scheduler=values).model_dump()}


def choices(name: str, setting: ExperimentField) -> Iterator[Case]:
    if setting.kind == "choice":
        for value, _ in setting.choices:
            if name == "plateau_metric":
                mode = "max" if value.endswith("accuracy") else "min"
                beside = {"schedule": {"scheduler": {"name": "ReduceLROnPlateau", "mode": mode}}}
            else:
                beside = SETTINGS.get(name, {})
            if value != setting.start or name == "plateau_metric":
                yield Case("setting", f"{name} = {value}", joined(beside, nested(name, value)))
    else:
        beside = joined(SETTINGS.get(name, {}), nested(*setting.needs) if setting.needs else {})
        value = VALUES.get(name, True if setting.kind == "bool" else 0.5)
        yield Case("setting", f"{name} = {value}", joined(beside, nested(name, value)))


def nested(dotted: str, value: Any) -> dict[str, Any]:
    head, _, rest = dotted.partition(".")
    return {head: nested(rest, value) if rest else value}


def joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both, parts of the same name put together; the second one's values count."""
    both = dict(first)
    for name, value in second.items():
        both[name] = {**first.get(name, {}), **value} if isinstance(value, dict) else value
    return both


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the choices whose catalogue or name holds this word; no document")
    parser.add_argument("--lab", help="a lab's home to use and to keep")
    given = parser.parse_args()
    wanted = [case for case in cases() if given.only in f"{case.catalogue} {case.choice}"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LRLAB_HOME"] = given.lab or folder
        home = lab_home()
        has(home, DATASET)
        made = weights_on_the_spot(Path(folder) / "torch")
        possible, rows = [], []
        for case in wanted:
            refusal = unavailable(case)
            if refusal:
                rows.append((case, "not run", refusal))
            else:
                possible.append(case)
        experiments = [Experiment.model_validate(joined(BASE, case.settings)) for case in possible]
        failed = 0
        for case, run in zip(possible, trained(home, experiments), strict=True):
            record = run.record
            failed += record.state != "succeeded"
            rows.append((case, record.state, outcome(run)))
            print(*[case.catalogue, case.choice, *rows[-1][1:]], sep=" | ", flush=True)
        if not given.only:
            document(rows, made)
    print(f"{len(possible)} runs, {failed} failed")
    return 1 if failed else 0


def unavailable(case: Case) -> str:
    """Why this machine cannot do it, or nothing."""
    if case.choice == "precision = float16" and not torch.cuda.is_available():
        return "needs an NVIDIA GPU, and this machine has none"
    return ""


def weights_on_the_spot(folder: Path) -> bool:
    """Puts a weight file where torchvision's would lie, of random weights; whether the true ones are missing here."""
    if weights_path(PRETRAINED).is_file():
        return False
    from torchvision.models import get_model

    os.environ["TORCH_HOME"] = str(folder)
    weights_path(PRETRAINED).parent.mkdir(parents=True)
    torch.save(get_model(PRETRAINED, weights=None).state_dict(), weights_path(PRETRAINED))
    return True


def outcome(run: Run) -> str:
    record, epochs = run.record, run.epochs
    if record.state != "succeeded":
        return record.cause
    seconds = duration((record.ended or 0) - record.attempts[0].started)
    loss, accuracy = epochs["train_loss"].iloc[-1], epochs["val_accuracy"].iloc[-1]
    return f"{len(epochs)} epochs in {seconds}, training loss {loss:.3f}, val accuracy {100 * accuracy:.1f} %"


def document(rows: list[tuple[Case, str, str]], made: bool) -> None:
    order = {case: place for place, case in enumerate(f"{case.catalogue} {case.choice}" for case in cases())}
    rows.sort(key=lambda row: order[f"{row[0].catalogue} {row[0].choice}"])
    lines = [
        "# Every choice, run once",
        "",
        "Made by `python tests/benchmarks/every_choice.py`: every entry of every catalogue in a real run of two epochs",
        f"on sign_digits (600 photographs of hands, 10 classes, 32 px, batches of 32), with torch {torch.__version__}.",
        "All else is left at its default. It shows that each choice works; two epochs do not tell better from worse.",
        *[f"The weights that pretrained begins with were random ones in a file of {PRETRAINED}, made on the spot."]
        * made,
        "",
        "| catalogue | choice | state | outcome |",
        "| --- | --- | --- | --- |",
        *(f"| {case.catalogue} | {case.choice} | {state} | {text} |" for case, state, text in rows),
    ]
    (PROJECT / "docs" / "EVERY_CHOICE.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
