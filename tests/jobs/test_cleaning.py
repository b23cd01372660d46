"""Making room: what is made again goes, what a run at work reads stays, and no run loses what was not named."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from lrlab.datasets import Dataset, add_dataset, decoded
from lrlab.errors import LabError, NotFound
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.jobs.cleaning import LEFT_ALONE, clear_caches, delete_checkpoints, with_checkpoints
from lrlab.process import identity
from lrlab.runs import Attempt, DatasetFacts, Run, create_run, update


@pytest.fixture
def dataset(home: Home, tmp_path: Path) -> Callable[[str], Dataset]:
    """`dataset("coffee")`: a data set of four small images of its own."""

    def make(name: str) -> Dataset:
        for label in ("Dark", "Light"):
            (tmp_path / name / label).mkdir(parents=True)
            for number in range(2):
                seed = [*name.encode(), len(label), number]
                pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / name / label / f"{number}.png")
        return add_dataset(home, tmp_path / name, name)

    return make


@pytest.fixture
def run_on(home: Home) -> Callable[..., Run]:
    """`run_on(dataset, "running")`: a run in that state, with two checkpoints."""

    def make(dataset: Dataset, state: str) -> Run:
        facts = DatasetFacts(id=dataset.id, name=dataset.name, classes=dataset.classes, train=3, val=1)
        run = create_run(home, Experiment(dataset=dataset.name), dataset=facts, steps_per_epoch=3)
        attempt = Attempt(number=1, started=time.time(), identity=identity(), host="here")
        update(run, state=state, attempts=(attempt,))
        (run.folder / "checkpoints").mkdir()
        for name in ("1-3.pt", "1-6.pt"):
            (run.folder / "checkpoints" / name).write_bytes(bytes(1000))
        (run.folder / "best.safetensors").write_bytes(bytes(500))
        return run

    return make


def cached(home: Home) -> list[str]:
    return sorted(path.name for path in home.cache.glob("*.npy"))


def test_decoded_images_go_but_those_that_a_run_at_work_reads(home: Home, dataset, run_on) -> None:
    read, waited_for, idle = (dataset(name) for name in ("read", "waited for", "idle"))
    for one in (read, waited_for, idle):
        decoded(home, one, 32)
    run_on(read, "running"), run_on(waited_for, "queued"), run_on(idle, "succeeded")
    (home.answers).mkdir()
    (home.answers / "a.json").write_bytes(bytes(100))
    done = clear_caches(home)
    assert done.kept == ("read",)
    assert [name.partition("-")[0] for name in cached(home)] == [read.content]
    assert list(home.answers.iterdir()) == []
    header = 128
    assert done.freed == 2 * (header + 4 * 36 * 36 * 3) + 100
    assert np.array_equal(decoded(home, idle, 32), decoded(home, idle, 32))  # and they are made again


def test_what_is_being_decoded_stays(home: Home, dataset) -> None:
    making = dataset("making")
    decoded(home, making, 32)
    with FileLock((home.cache / cached(home)[0]).with_suffix(".lock")):
        assert clear_caches(home).freed == 0
    assert len(cached(home)) == 1
    assert clear_caches(home).freed > 0


def test_who_reads_while_it_is_cleared_reads_the_same(home: Home, dataset) -> None:
    coffee = dataset("coffee")
    images = decoded(home, coffee, 32)
    before = images.copy()
    assert clear_caches(home).freed > 0
    assert np.array_equal(images, before)


@pytest.mark.parametrize(("age", "gone"), [(0, False), (LEFT_ALONE + 60, True)])
def test_what_was_left_over_goes_after_a_day(home: Home, age: float, gone: bool) -> None:
    left = [home.runs / ".gone-abc", home.runs / ".new-abc", home.datasets / ".deleted-abc"]
    for folder in left:
        folder.mkdir()
    partial = home.cache / ".c-36-v1.npy.123.abcdef"
    partial.write_bytes(bytes(10))
    for path in (*left, partial):
        os.utime(path, (time.time() - age,) * 2)
    clear_caches(home)
    assert [path.exists() for path in (*left, partial)] == [not gone] * 4


def test_checkpoints_of_the_named_runs_go_and_nothing_else(home: Home, dataset, run_on) -> None:
    coffee = dataset("coffee")
    named, other = run_on(coffee, "failed"), run_on(coffee, "cancelled")
    assert with_checkpoints(home) == [other.id, named.id]
    assert delete_checkpoints(home, [named.id]).freed == 2000
    assert with_checkpoints(home) == [other.id]
    assert named.best_model.stat().st_size == 500
    assert named.record.state == "failed"


def test_what_has_another_name_is_not_freed(home: Home, dataset, run_on) -> None:
    run = run_on(dataset("coffee"), "failed")
    for name in ("1-3.safetensors", "1-6.safetensors"):  # as checkpoints keep the best model of their moment
        os.link(run.best_model, run.folder / "checkpoints" / name)
    assert delete_checkpoints(home, [run.id]).freed == 2000
    assert run.best_model.stat().st_size == 500


def test_an_older_best_model_goes_with_the_last_of_its_names(home: Home, dataset, run_on) -> None:
    run = run_on(dataset("coffee"), "failed")
    kept = run.folder / "checkpoints"
    (kept / "1-3.safetensors").write_bytes(bytes(700))
    os.link(kept / "1-3.safetensors", kept / "1-6.safetensors")
    assert delete_checkpoints(home, [run.id]).freed == 2000 + 700


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_goes_on_keeps_its_checkpoints_and_so_do_those_named_with_it(
    home: Home, dataset, run_on, state: str
) -> None:
    coffee = dataset("coffee")
    ended, going = run_on(coffee, "failed"), run_on(coffee, state)
    assert with_checkpoints(home) == [ended.id]
    with pytest.raises(LabError, match="its checkpoints are needed"):
        delete_checkpoints(home, [ended.id, going.id])
    assert len(list((ended.folder / "checkpoints").iterdir())) == 2


def test_a_run_that_is_not_there_is_told(home: Home) -> None:
    with pytest.raises(NotFound):
        delete_checkpoints(home, ["abcdefghij"])
