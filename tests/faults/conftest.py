"""What the tests of faults share: the browser and server of tests/browser, pictures and archives of tests/datasets.

Each test prints its figure as one line, `FIGURE <row>: <what was measured>`; README.md of this folder has the table.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from lrlab.home import Home
from tests.browser.conftest import browser, launch, page, playwright, profile, server, until
from tests.datasets.conftest import contents, make_tree, make_zip, picture

__all__ = [
    "browser", "contents", "figure", "launch", "long", "make_tree", "make_zip", "page", "picture", "playwright",
    "profile", "server", "until",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _no_gpu() -> Iterator[None]:
    """Runs are the same whether the machine has no GPU or eight."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        yield


@pytest.fixture(autouse=True)
def _supervisors_leave(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that a test has woken by the way leaves soon, and its warm worker with it."""
    monkeypatch.setenv("LRLAB_IDLE_SECONDS", "20")


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether the long setting is asked for (LRLAB_LONG=1)."""
    return os.environ.get("LRLAB_LONG") == "1"


@pytest.fixture
def figure(capsys: pytest.CaptureFixture[str]) -> Callable[[str, str], None]:
    """`figure("zip bombs", "20 of 20 refused")` prints the figure of a row, whatever pytest does with output."""

    def show(row: str, measured: str) -> None:
        with capsys.disabled():
            print(f"\nFIGURE {row}: {measured}")

    return show
