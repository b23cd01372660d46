"""Ctrl-C while images are taken in: one is enough, and what was taken in all the same is said."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.datasets import list_datasets
from lrlab.home import Home
from lrlab.jobs import imports, running_imports

from .conftest import Lrlab

PAUSE = time.sleep
LOOKS = 600


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """`interrupted(after)`: Ctrl-C comes at the command's first pause, once `after` has come back."""

    def at_the_first_pause(after: Callable[[], object]) -> None:
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            assert len(pauses) < LOOKS, "the command waits for good"
            if len(pauses) == 1:
                after()
                raise KeyboardInterrupt
            PAUSE(seconds)

        monkeypatch.setattr("lrlab.cli.data.time.sleep", pause)

    return at_the_first_pause


def test_an_import_that_does_not_listen_is_ended(
    lrlab: Lrlab,
    home: Home,
    pictures: Path,
    interrupted: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imports, "COMMAND", [sys.executable, "-S", "-c", "import time; time.sleep(3600)"])
    monkeypatch.setattr(imports, "_PATIENCE_SECONDS", -1.0)
    interrupted(lambda: None)
    done = lrlab("data", "add", pictures)
    assert (done.code, done.out) == (130, "")
    assert "added" not in done.err
    assert running_imports(home) == []


def test_an_import_that_was_faster_is_told_of(
    lrlab: Lrlab, home: Home, pictures: Path, interrupted: Callable[[Callable[[], object]], None]
) -> None:
    def at_its_end() -> None:
        while running_imports(home):
            PAUSE(0.02)

    interrupted(at_its_end)
    done = lrlab("data", "add", pictures)
    assert (done.code, done.out) == (130, "")
    assert done.err.splitlines()[-1] == "lights was added all the same; the import was at its end."
    assert [dataset.name for dataset in list_datasets(home)] == ["lights"]
