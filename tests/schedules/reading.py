"""Pasted code as the tests read it: for a run of 20 epochs of 30 steps."""

from __future__ import annotations

from typing import Any

from lrlab.schedules import Reading, read_code


def read(text: str, answers: Any = None) -> Reading:
    return read_code(text, epochs=20, steps_per_epoch=30, answers=answers)
