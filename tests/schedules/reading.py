"""Pasted code as the tests read it, for a run of 20 epochs of 30 steps, and a training loop to paste it with."""

from __future__ import annotations

from typing import Any

from lrlab.schedules import Reading, read_code


def read(text: str, answers: Any = None) -> Reading:
    return read_code(text, epochs=20, steps_per_epoch=30, answers=answers)


def scheduler(text: str, answers: Any = None) -> dict[str, Any]:
    """The scheduler in `text`, in the JSON form, without what is not set."""
    reading = read(text, answers)
    assert reading.spec is not None, reading.questions
    return reading.spec.scheduler.model_dump(exclude_none=True, exclude_unset=True, mode="json") | {
        "name": reading.spec.scheduler.name
    }


LOOP = """
for epoch in range({epochs}):
    for batch in loader:
        optimizer.step()
{inner}
{outer}
"""


def script(before: str, inner: str = "", outer: str = "", epochs: str = "12") -> str:
    loop = LOOP.format(epochs=epochs, inner=" " * 8 + (inner or "pass"), outer=" " * 4 + (outer or "pass"))
    return before + loop
