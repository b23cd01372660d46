"""A run's progress strip in words. All texts of it stand here; the page only puts them in their places."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lrlab.runs import FINAL, RunStatus, best_words, duration


def strip(
    status: RunStatus, label: str, colour: str, *, stopping: bool, has_best: bool, has_last: bool
) -> dict[str, Any]:
    """`status` and the words for it, ready for JSON. `label` is what the page calls the run among those shown.

    `stopping`: a stop was asked for.
    """
    # What moves by itself is in the words, rounded; raw, it would make news of every look.
    facts = {name: value for name, value in asdict(status).items() if name not in ("eta", "elapsed")}
    return {
        **facts,
        "label": label,
        "colour": colour,
        "final": status.final,
        "words": {
            "progress": _progress(status),
            "left": left(status.eta) if status.eta is not None else "",
            "speed": _speed(status.images_per_second),
            "device": status.device,
            "best": _best(status),
            "message": _message(status),
            "cause": sentence(status.cause) if status.state in ("failed", "lost") else "",
            "advice": sentence(status.advice),
        },
        "can_stop": status.state not in FINAL,
        "stopping": stopping and not status.final,
        "files": {"best": has_best, "last": has_last, "log": status.step > 0},
    }


def left(eta: float, *, at_most: bool = False) -> str:
    """The seconds left as one says them; rounded as coarsely as they are known, so that the words do not flicker.

    `at_most`: it may be over sooner, as a search is where the loss diverges.
    """
    about = "at most about" if at_most else "about"
    if eta < 8:
        return "a few seconds left"
    if eta < 60:
        return f"{about} {_rounded(eta, 5)} s left"
    if eta < 600:
        return f"{about} {duration(_rounded(eta, 10))} left"
    if eta < 3600:
        return f"{about} {_rounded(eta, 60) // 60} min left"
    return f"{about} {duration(_rounded(eta, 300))} left"


def _rounded(seconds: float, to: int) -> int:
    return max(to, round(seconds / to) * to)


def _progress(status: RunStatus) -> str:
    if not status.step:
        return ""
    return f"epoch {status.epoch:,} of {status.epochs:,} · step {status.step:,} of {status.steps:,}"


def _speed(images_per_second: float | None) -> str:
    if images_per_second is None:
        return ""
    shown = f"{images_per_second:,.0f}" if images_per_second >= 10 else f"{images_per_second:.1f}"
    return f"{shown} images/s"


def _best(status: RunStatus) -> str:
    if status.best_val_accuracy is None or status.best_epoch is None:
        return ""
    return best_words(status.best_val_accuracy, status.best_by, status.best_epoch)


def _message(status: RunStatus) -> str:
    """What is going on, without what the cause says already."""
    return "" if status.state in ("failed", "lost") else sentence(status.message)


def sentence(text: str) -> str:
    """`text` with a capital at its beginning."""
    return text[:1].upper() + text[1:]
