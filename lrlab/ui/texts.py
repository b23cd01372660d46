"""The words of the Train and Compare pages and of the live charts, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrlab.experiments import Experiment, Summary
from lrlab.jobs import Plan
from lrlab.runs import RunStatus, best_words, duration
from lrlab.schedules import Composition, ReduceLROnPlateau, ScheduleSpec

LIVE = {
    "chart": "Loss, accuracy and learning rate of the runs, one above the other on one x axis",
    "stop": "Stop",
    "stopping": "Stopping",
    "last_lines": "Last lines of worker.log",
    "best_model": "Best model",
    "last_model": "Last model",
    "log_csv": "Log as CSV",
    "log_parquet": "as Parquet",
    "training": "training, smoothed over {n} updates",
    "training_any": "training, smoothed",
    "training_more": "The training loss is a running mean; behind a single run's lies each update's own loss, faint.",
    "validation": "validation",
    "validation_more": "Measured at the end of each epoch on images that are never trained on.",
    "best": "best epoch",
    "best_more": "The epoch of the best model: by validation accuracy, or by loss where early stopping watches that.",
    "changed": "LR changed",
    "by_hand": "LR changed by hand",
    "clipped": "gradient clipped",
    "lr_now": "LR",
    "lr_help": "A change multiplies the rest of the schedule: LR = factor x schedule.",
    "lr_unknown": "not used yet",
    "lr_wanted": "LR to set",
    "lr_example": "1e-4",
    "halve": "x 0.5",
    "halve_help": "Halve the LR from the next update on",
    "double": "x 2",
    "double_help": "Double the LR from the next update on",
    "set": "Set",
    "more_epochs": "more epochs",
    "resume": "Resume",
    "retry": "Try again",
    "next": "What to try next",
    "next_none": "Nothing stands out in this run's log.",
    "next_none_yet": "Nothing stands out so far.",
    "next_waits": "Once there are updates, what stands out in them is told here.",
    "ahead": "LR to come",
    "whole": "Show all",
    "x": "x axis",
    "epoch": "epoch",
    "step": "step",
    "seconds": "seconds",
    "scale": "LR axis",
    "linear": "linear",
    "log": "log",
    "lost": "Connection lost, trying again",
    "broken": "The server could not do this (status {status}). Try again.",
    "sign_in": "Sign in again",
    "connecting": "Asking the server for this run",
    "gone": "There is nothing to show: the run was deleted.",
}

TRAIN = {
    "title": "Train",
    "lead": "Train a model on your images with the schedule you composed, and watch what the schedule does.",
    "new": "New run",
    "dataset": "Data set",
    "model": "Model",
    "optimizer": "Optimiser",
    "schedule": "Schedule",
    "schedule_help": "The one composed on the Schedule page, or a plain one whose lengths fit the epochs of this run.",
    "composed": "Composed: ",
    "to_schedule": "Change it on the Schedule page",
    "fit": "Fit the recipe to this run",
    "groups": "Its parameter groups are only previewed; a run's own are set below, under Layer-wise LRs.",
    "measured": "It follows the validation {metric} of the run; here it is drawn against an invented one.",
    "more": "Everything else has a good default. What differs from it stands in the titles.",
    "optimizer_line": "The chosen optimiser's own parameters, as torch names them.",
    "presets": "Start from a preset",
    "presets_line": "The experiments of two tutorials, on the data set chosen above. Each fills the form.",
    "preset_use": "Use",
    "value": "Value {number}: ",
    "row": "Row {number}, {column}: ",
    "in_fold": "{title} (under {fold})",
    "faulty_fold": "needs a change",
    "start": "Start training",
    "starting": "Putting the run into the queue",
    "faulty": "Something needs a change before this can start",
    "no_images": "There are no images yet. Take the built-in sample set, and a first run trains within a minute.",
    "sample": "Use the sample set",
    "bring": "Bring my own images",
    "sample_progress": "Drawing the sample set",
    "missing_images": "These settings were for the data set {name}, which is not there any more, or not yours to see.",
    "missing_run": "The run of this address does not exist any more.",
    "runs": "Runs",
    "names": "This model's parameters are called {names}.",
    "diagram": "The layers of {model}, one after another",
    "card_waits": "measuring how long an epoch takes",
    "again": "Start from these settings",
    "settings": "Settings of this run",
    "settings_help": "As EXPERIMENT.json: python -m lrlab train EXPERIMENT.json trains the same again.",
    "log": "What the worker wrote",
    "no_log": "Nothing so far.",
    "compare": "Compare with other runs",
}


RUN_LIST = {"more": "Show older ones ({count:,})"}


LAYER = {
    "name": "layer",
    "kind": "kind",
    "shape": "gives",
    "parameters": "parameters",
    "multiply_adds": "multiply-adds",
}
"""The columns of a model's table of layers."""


def card_network(network: Summary) -> str:
    """How large a model is."""
    of = f", {network.trained:,} of them trained" if network.trained < network.parameters else ""
    return f"{network.parameters:,} parameters{of}"


def card_pace(pace: Mapping[str, Any], epochs: int) -> str:
    """What training takes on this device, and how that was found; `pace` as the helper answers."""
    memory = f"about {size(pace['memory'])} of memory"
    if pace["available"] is not None and pace["memory"] > pace["available"]:
        memory += f" (only {size(pace['available'])} are free)"
    seconds = pace["seconds_per_epoch"]
    if seconds is None:
        return f"{memory}, {pace['sentence']}"
    whole = f", {about(seconds * epochs)} in all" if epochs > 1 else ""
    return f"{memory}, {about(seconds)} an epoch{whole} ({pace['sentence']})"


def size(count: float) -> str:
    """Bytes as a person says them, to two digits: "95 MB", "1.2 GB"."""
    amount, unit = (count / 1e9, "GB") if count >= 1e9 else (count / 1e6, "MB")
    return f"{amount:.1f} {unit}" if amount < 10 and unit == "GB" else f"{max(1, round(amount))} {unit}"


def about(seconds: float) -> str:
    """A length of time no more exact than it is known."""
    if seconds < 1:
        return "less than 1 s"
    if seconds < 60:
        return f"about {round(seconds)} s"
    if seconds < 600:
        return f"about {duration(10 * round(seconds / 10))}".removesuffix(" 0 s")
    if seconds < 3600:
        return f"about {round(seconds / 60)} min"
    return f"about {duration(300 * round(seconds / 300))}".removesuffix(" 0 min")


def run_facts(status: RunStatus) -> str:
    """The one thing to know about a run in a list."""
    accuracy = status.best_val_accuracy
    best = best_words(accuracy, status.best_by) if accuracy is not None else ""
    if status.final:
        return best or status.message
    epoch = f"epoch {status.epoch} of {status.epochs}" if status.epoch else status.message
    return " · ".join(filter(None, (epoch, best)))


def plan_line(plan: Plan, experiment: Experiment) -> str:
    """What the run is going to do."""
    tested = f", tests on {plan.test:,} at the end" if plan.test else ""
    of = ""
    if experiment.accumulate > 1:
        of = f" of {experiment.batch_size:,} x {experiment.accumulate:,} = {experiment.images_per_update:,} images"
    return (
        f"Trains on {plan.train:,} images, validates on {plan.val:,}{tested}: "
        f"{plan.steps_per_epoch:,} {_steps(plan.steps_per_epoch)}{of} per epoch, {plan.updates:,} in all."
    )


def length_note(interval: str, composed: tuple[int, int], run: tuple[int, int]) -> str:
    """What happens where the run is not as long as the schedule was composed for; empty where it makes no difference.

    `composed`, `run`: (epochs, steps per epoch). `interval`: what the schedule's lengths count.
    """
    if interval == "epoch":
        meant, has, unit = composed[0], run[0], "epochs"
        how = ""
    else:
        meant, has, unit = composed[0] * composed[1], run[0] * run[1], "steps"
        how = f" ({run[0]:,} epochs of {run[1]:,})"
    if meant == has:
        return ""
    start = f"Composed for {meant:,} {unit}; this run has {has:,}{how}. Its lengths count {unit}, so "
    if has < meant:
        return start + f"the last {meant - has:,} {unit} of it are never reached."
    return start + f"it goes on for {has - meant:,} {unit} beyond what it was composed for."


def schedule_notes(schedule: ScheduleSpec, composed: Composition | None) -> list[str]:
    """What is good to know before `schedule` is trained; `composed`: the composition that it comes from, if any."""
    notes = []
    if isinstance(schedule.scheduler, ReduceLROnPlateau):
        metric = "loss" if schedule.scheduler.mode == "min" else "accuracy"
        notes.append(TRAIN["measured"].format(metric=metric))
    if composed and composed.groups:
        notes.append(TRAIN["groups"])
    return notes


def _steps(count: int) -> str:
    return "step" if count == 1 else "steps"


COMPARE = {
    "title": "Compare",
    "lead": "Overlay runs and see which schedule did better, and when.",
    "no_runs": "There is nothing to compare yet. Train a first run, then a second one with another schedule.",
    "to_train": "Train a run",
    "choose": "Select runs in the table to see them overlaid.",
    "too_many": "Up to {most} runs can be overlaid; the newest of those selected are shown.",
    "rename": "Rename",
    "rename_title": "Rename a run",
    "new_name": "New name",
    "save": "Save",
    "delete": "Delete",
    "delete_title": "Delete runs",
    "delete_what": "Their logs and models are removed from the disk. This cannot be undone.",
    "delete_yes": "Delete for good",
    "cancel": "Cancel",
    "table_csv": "Table as CSV",
    "differences": "Settings that differ",
    "same": "These runs have the same settings.",
}

COLUMNS = {
    "dot": "",
    "state": "state",
    "name": "name",
    "dataset": "data",
    "model": "model",
    "schedule": "schedule",
    "best_val_accuracy": "best val acc",
    "best_epoch": "at epoch",
    "val_accuracy": "last val acc",
    "seconds": "duration",
}
"""The columns of the table of runs, in their order."""

BY_LOSS = "{:.0f}, by loss"
"""The best epoch where it is the one with the lowest validation loss."""

COLUMN_HELP = {"best_val_accuracy": LIVE["best_more"], "best_epoch": LIVE["best_more"]}
"""What a column is about, where its title leaves something open."""
