"""Ways to damage a lab, and what the doctor told of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lrlab.datasets import Dataset
from lrlab.jobs import Queue
from lrlab.keeping import Result

from .conftest import Lab, checkpoint


def told(results: list[Result]) -> list[tuple[str, str, str]]:
    return [(one.state, one.finding.place, one.finding.wrong) for one in results]


def first_image(dataset: Dataset) -> Path:
    return dataset.root / dataset.images["file"][0]


def add(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def edit_log(lab: Lab, line: int, text: str) -> None:
    path = lab.done.folder / "steps-1.csv"
    lines = path.read_text().split("\n")
    lines[line] = text
    path.write_text("\n".join(lines))


def spoil_best(lab: Lab) -> None:
    checkpoint(lab.done, 1, 8, epoch=1)
    lab.done.best_model.write_bytes(lab.done.best_model.read_bytes()[:-5])


def queue(lab: Lab, change: Callable[[Queue], object]) -> None:
    with Queue(lab.home) as rows:
        change(rows)
