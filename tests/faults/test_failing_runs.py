"""Runs that fail in five ways: each says why in plain words and what to do, and the next one begins soon after."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.datasets import add_dataset
from lrlab.home import Home
from lrlab.runs import Run, status
from lrlab.training.failures import CHECK
from tests.training.conftest import MakeRun, dataset, make_run, pictures

from .labs import ended, enqueue, seconds_between, wait_until, warm
from .serving import LONG

__all__ = ["dataset", "make_run", "pictures", "warm"]

pytestmark = pytest.mark.timeout(3600)

EACH = 10 if LONG else 2
SGD = {"name": "SGD", "lr": 1000.0, "weight_decay": 0.9}
SIZE = "small_cnn, batch size 10, image size 16"

WAYS = {
    "CUDA out of memory": (f"the GPU ran out of memory ({SIZE})", "batch size 5 with accumulate 2"),
    "host out of memory": (f"this machine ran out of memory ({SIZE})", "batch size 5 with accumulate 2"),
    "killed": ("the worker was killed by signal 9 (probably out of memory)", "Try a smaller batch"),
    "NaN": ("the loss became ", "a lower LR (such as 100)"),
    "unreadable file": ("of the data set 'spoilt' cannot be read any more", CHECK),
}
"""What befalls a run: what its cause says, and its advice."""


@pytest.fixture
def spoil(home: Home, pictures: Path, tmp_path: Path) -> str:
    """A data set one of whose files vanished after it was added."""
    folder = shutil.copytree(pictures, tmp_path / "copied")
    name = add_dataset(home, folder, "spoilt").name
    (folder / "train" / "red" / "7.png").unlink()
    return name


def test_each_failure_says_why_and_the_next_run_begins(
    home: Home,
    make_run: MakeRun,
    spoil: str,
    warm: subprocess.Popen[bytes],
    figure: Callable[[str, str], None],
) -> None:
    settings = {"NaN": {"optimizer": SGD, "epochs": 30}, "unreadable file": {"dataset": spoil, "image_size": 24}}
    runs: list[Run] = []
    for _ in range(EACH):
        runs += [make_run(name=way, **settings.get(way, {})) for way in WAYS]
    last = make_run(name="nothing befalls it")
    enqueue(home, *runs, last)
    wait_until(lambda: ended(*runs, last), "the runs do not end")
    for run in runs:
        record = run.record
        cause, advice = WAYS[record.name]
        assert record.state == "failed"
        assert cause in record.cause and advice in record.advice, (record.name, record.cause, record.advice)
        assert status(run).log, record.name
    assert last.record.state == "succeeded"
    gaps = seconds_between([*runs, last])
    assert not LONG or max(gaps) <= 10, gaps
    told = f"{EACH} each of {', '.join(WAYS)}: {len(runs)} of {len(runs)} ended with that cause"
    figure("out of memory, NaN, unreadable file", f"{told}; the next run began after {max(gaps):.1f} s at most")
