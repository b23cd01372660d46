"""A run's strip in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lrlab.runs import RunStatus
from lrlab.web.strip import left, strip


def looked(**facts: Any) -> RunStatus:
    given = {
        "id": "abcdefghij", "name": "StepLR", "state": "running", "epoch": 7, "epochs": 20, "step": 210, "steps": 600,
        "share": 0.35, "eta": 42.0, "elapsed": 23.0, "images_per_second": 1240.4, "device": "CPU",
        "message": "training", "best_epoch": 5, "best_val_accuracy": 0.8421, "cause": "", "advice": "",
    }  # fmt: skip
    return RunStatus(**{**given, **facts})


def shown(*, stopping: bool = False, **facts: Any) -> dict[str, Any]:
    made = strip(looked(**facts), "StepLR", "#0072B2", stopping=stopping, has_best=True, has_last=False)
    return dict(json.loads(json.dumps(made, allow_nan=False)))


@pytest.mark.parametrize(
    ("eta", "words"),
    [
        (0, "a few seconds left"),
        (7, "a few seconds left"),
        (42, "about 40 s left"),
        (58, "about 60 s left"),
        (200, "about 3 min 20 s left"),
        (204, "about 3 min 20 s left"),
        (1700, "about 28 min left"),
        (7500, "about 2 h 5 min left"),
    ],
)
def test_the_time_left_is_as_coarse_as_it_is_known(eta, words):
    assert left(eta) == words
    assert left(eta, at_most=True) == words.replace("about", "at most about")


@pytest.mark.parametrize(
    ("facts", "word", "text"),
    [
        ({}, "progress", "epoch 7 of 20 · step 210 of 600"),
        ({"step": 0, "epoch": 0}, "progress", ""),
        ({"epochs": 1000, "step": 12345, "steps": 100000}, "progress", "epoch 7 of 1,000 · step 12,345 of 100,000"),
        ({}, "left", "about 40 s left"),
        ({"eta": None}, "left", ""),
        ({}, "speed", "1,240 images/s"),
        ({"images_per_second": 3.21}, "speed", "3.2 images/s"),
        ({"images_per_second": None}, "speed", ""),
        ({}, "best", "best 84.2 % at epoch 6"),  # the log counts epochs from 0, people from 1
        ({"best_by": "val_loss"}, "best", "best by val loss: 84.2 % at epoch 6"),
        ({"best_epoch": None, "best_val_accuracy": None}, "best", ""),
        ({"message": "decoding images 320 of 1,262"}, "message", "Decoding images 320 of 1,262"),
        ({"state": "failed", "message": "out of memory", "cause": "out of memory"}, "message", ""),
        ({"state": "failed", "cause": "out of memory"}, "cause", "Out of memory"),
        ({"state": "failed", "advice": "take a smaller batch"}, "advice", "Take a smaller batch"),
        ({"state": "stalled", "advice": "stop it"}, "advice", "Stop it"),
        ({"state": "lost", "advice": "do this"}, "advice", "Do this"),
    ],
)
def test_words(facts, word, text):
    assert shown(**facts)["words"][word] == text


@pytest.mark.parametrize(
    ("state", "final"),
    [("queued", False), ("running", False), ("stalled", False)]
    + [(state, True) for state in ("succeeded", "failed", "cancelled", "lost")],
)
def test_what_has_ended_cannot_be_stopped(state, final):
    made = shown(state=state)
    assert (made["final"], made["can_stop"]) == (final, not final)


@pytest.mark.parametrize(("state", "stopping"), [("queued", True), ("running", True), ("cancelled", False)])
def test_a_stop_that_was_asked_for_is_told_until_it_came(state, stopping):
    assert shown(state=state, stopping=True)["stopping"] is stopping
    assert shown(state=state)["stopping"] is False


def test_files_that_can_be_taken_home():
    assert shown()["files"] == {"best": True, "last": False, "log": True}
    assert shown(step=0)["files"]["log"] is False


def test_what_moves_by_itself_is_no_news():
    now, later = shown(eta=42.0, elapsed=23.0), shown(eta=41.5, elapsed=23.5)
    assert now == later
