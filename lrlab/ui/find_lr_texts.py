"""The words of the Find LR page, in one place."""

from __future__ import annotations

from lrlab.experiments import Experiment, Finder
from lrlab.runs import RunStatus
from lrlab.runs.finder import Findings
from lrlab.schedules import number

CHART = {
    "chart": "Loss over the learning rate as it grows, with the learning rates that are suggested",
    "stop": "Stop",
    "stopping": "Stopping",
    "csv": "Losses as CSV",
    "batches": "loss of each batch",
    "smoothed": "smoothed",
    "mean": "mean of {n} seeds, smoothed",
    "each": "each seed",
    "band": "from the lowest seed to the highest",
    "lost": "Connection lost, trying again",
    "broken": "The server could not do this (status {status}). Try again.",
    "sign_in": "Sign in again",
    "connecting": "Asking the server for this job",
}

PAGE = {
    "title": "Find LR",
    "lead": "A training of a few updates in which the learning rate grows until the loss diverges: where the loss "
    "falls, the model learns. The model is thrown away, and nothing that is trained later feels it.",
    "new": "New search",
    "rest": "Everything else is as on the Train page: augmentation, regularisation, parameter groups and so on.",
    "to_train": "Change it there",
    "more": "How the LR grows",
    "start": "Find an LR",
    "starting": "Putting the search into the queue",
    "faulty": "Something above needs a change before this can start.",
    "no_images": "There are no images yet. Bring your own, or take the built-in sample set.",
    "bring": "Go to Images",
    "missing": "The search of this address does not exist any more.",
    "jobs": "Searches",
    "suggestions": "What the curve suggests",
    "none": "No suggestion",
    "choose": "Learning rate",
    "own": "Another one",
    "own_lr": "LR",
    "own_help": "Type an LR, or click on the curve.",
    "own_line": "Typed, or picked by a click on the curve.",
    "train": "Train with this LR",
    "compose": "Put it into the schedule",
    "effect": "The schedule keeps its shape; the highest LR that it reaches becomes the chosen one.",
    "other": "This search was for other settings than the form holds ({names}):",
    "take": "Take its settings over",
    "settings": "Settings of this search",
    "settings_help": "As EXPERIMENT.json: python -m lrlab find-lr EXPERIMENT.json searches the same again.",
    "log": "What the worker wrote",
    "no_log": "Nothing so far.",
}


def plan_line(finder: Finder, images: int) -> str:
    """What the search is going to do; `images`: of an update."""
    times = "" if finder.seeds == 1 else f", {finder.seeds} times with another seed each"
    how = "multiplied" if finder.growth == "exponential" else "raised evenly"
    return (
        f"{finder.steps:,} updates of {images:,} images, the LR {how} from {number(finder.lowest)} to "
        f"{number(finder.highest)}{times}; it ends sooner where the loss diverges."
    )


def settings_line(experiment: Experiment, dataset: str) -> str:
    """What a search was for, in short."""
    return (
        f"{experiment.model.name} on {dataset}, {experiment.optimizer.name}, {experiment.image_size} px, "
        f"batches of {experiment.batch_size:,}"
    )


def job_facts(status: RunStatus, found: Findings | None) -> str:
    """The one thing to know about a search in a list."""
    if not status.final or found is None:
        return status.message
    if found.best and found.best.lr:
        return f"{found.best.title.lower()} {number(found.best.lr)}"
    return PAGE["none"].lower() if status.state == "succeeded" else status.message


def choice(title: str, lr: float) -> str:
    return f"{title}: **{number(lr)}**"
