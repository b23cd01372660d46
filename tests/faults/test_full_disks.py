"""Disks that fill while a run trains: it fails with that cause, its checkpoint loads, and with room it goes on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lrlab.datasets import add_dataset
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.runs import DatasetFacts, Run, create_run, status, update, usable_checkpoints
from lrlab.training import resuming
from tests.training.conftest import CLASSES, TRAIN, VAL, pictures
from tests.training.interrupting import assert_same

from .forked import Workers, workers
from .serving import LONG

__all__ = ["pictures", "workers"]

pytestmark = pytest.mark.timeout(3600 if LONG else 600)

SIZES = 20 if LONG else 8
KB = 1024
ROOM = 64 * KB * KB
"""What is room enough, in bytes."""

EPOCHS = 4


class Disk:
    """A file system in memory on `folder`, of `size` bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mount(ROOM)

    def mount(self, size: int) -> None:
        """Makes it anew, and empty."""
        self.unmount()
        self.folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "lrlab-test", self.folder], check=False)
        if done.returncode:
            pytest.skip("this test may not mount a file system")

    def resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=True)

    def used(self) -> int:
        return shutil.disk_usage(self.folder).used

    def unmount(self) -> None:
        if self.folder.is_mount():
            subprocess.run(["umount", "-l", self.folder], check=True)


@pytest.fixture
def disk(home: Home) -> Iterator[Disk]:
    """The disk that the lab of the test lies on, and nothing else does."""
    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    made = Disk(home.root)
    yield made
    made.unmount()


def lab(disk: Disk, pictures: Path) -> tuple[Home, Run]:
    """A lab with a run that is ready to begin."""
    home = Home(disk.folder).ensure()
    added = add_dataset(home, pictures, "colours")
    each = len(CLASSES)
    facts = DatasetFacts(
        id=added.id, name=added.name, classes=added.classes, train=each * TRAIN, val=each * VAL, test=each * 4
    )
    experiment = Experiment.model_validate(
        {"dataset": "colours", "image_size": 16, "batch_size": 10, "epochs": EPOCHS, "device": "cpu"}
    )
    return home, create_run(home, experiment, dataset=facts, steps_per_epoch=3)


def test_the_run_says_so_and_what_it_had_stays(
    disk: Disk, pictures: Path, workers: Workers, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    home, alone = lab(disk, pictures)
    begun = disk.used()
    workers.begin(home, alone)
    assert workers.end() == 0, alone.record.cause
    needed = disk.used() - begun
    apart = tmp_path / "alone"
    shutil.copytree(alone.folder, apart)
    undisturbed = Run(alone.id, apart)
    with_checkpoint = 0
    for number in range(SIZES):
        disk.mount(ROOM)
        home, run = lab(disk, pictures)
        # From hardly more than the run's own record to just too little.
        room = 96 * KB + (needed - 128 * KB) * number // (SIZES - 1)
        disk.resize(disk.used() + room)
        workers.begin(home, run)
        assert workers.end() == 1, f"{room} bytes were room enough"
        record = run.record
        assert record.state == "failed" and record.cause.startswith("the disk is full"), (room, record.cause)
        assert record.advice, room
        steps = run.steps["step"].tolist()
        assert steps == list(range(len(steps))) and status(run).state == "failed"
        usable = usable_checkpoints(run, record.attempts)
        assert not usable or resuming.read(usable[0].path) is not None, room
        with_checkpoint += bool(usable)
        disk.resize(ROOM)
        update(run, state="queued", ended=None, cause="", advice="")
        workers.begin(home, run)
        assert workers.end() == 0, (room, run.record.cause)
        assert run.record.attempts[1].first_step == (usable[0].step if usable else 0)
        assert_same(run, undisturbed)
    assert with_checkpoint >= SIZES // 3
    figure(
        "disk fills",
        f'{SIZES} sizes: {SIZES} ended as failed, "the disk is full"; the newest checkpoint of {with_checkpoint} '
        f"that had one loads; given room, {SIZES} of {SIZES} went on to the weights of an undisturbed run",
    )
