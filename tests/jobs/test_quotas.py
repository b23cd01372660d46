"""What a person may ask of the lab's machine: refused with its own sentence, before anything was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lrlab.datasets import add_dataset, decoded, load_dataset
from lrlab.disk import measure
from lrlab.errors import LabError
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.jobs import retry, stop, submit
from lrlab.jobs.queue import Queue
from lrlab.jobs.quotas import BYTES_PER_PARAMETER
from lrlab.runs import list_runs

IMAGES = 20
SMALL_CNN = 304_162
"""Its parameters, as the catalogue has them."""


@pytest.fixture
def beans(home: Home, tmp_path: Path) -> Experiment:
    """An experiment on a data set of 20 images; no supervisor takes what is submitted."""
    for name in ("Dark", "Light"):
        (tmp_path / "beans" / name).mkdir(parents=True)
        for number in range(IMAGES // 2):
            pixels = np.random.default_rng([len(name), number]).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "beans" / name / f"{number}.png")
    add_dataset(home, tmp_path / "beans", "beans")
    return Experiment(dataset="beans", batch_size=5, epochs=3, image_size=64)


def allow(home: Home, limit: str) -> None:
    home.settings.write_text(f"[limits]\n{limit}\n")


def test_so_many_runs_of_one_person_and_no_more(home: Home, beans: Experiment) -> None:
    allow(home, "jobs_per_person = 2")
    first, _ = (submit(home, beans, owner="a@school.example") for _ in range(2))
    with pytest.raises(LabError, match="2 of yours wait or are at work, allowed: at most 2") as raised:
        submit(home, beans, owner="a@school.example")
    assert raised.value.field == "run"
    assert len(list_runs(home)) == 2
    submit(home, beans, owner="b@school.example")  # somebody else has their own
    submit(home, beans)  # as the local user has
    stop(home, first.id)
    submit(home, beans, owner="a@school.example")


def test_what_is_tried_again_counts_too_and_stays_as_it_was(home: Home, beans: Experiment) -> None:
    allow(home, "jobs_per_person = 1")
    first = submit(home, beans)
    stop(home, first.id)
    submit(home, beans)
    with pytest.raises(LabError, match="jobs_per_person"):
        retry(home, first.id)
    assert first.record.state == "cancelled"


@pytest.mark.parametrize("cached", [False, True])
def test_the_disk_must_have_room_for_models_and_decoded_images(home: Home, beans: Experiment, cached: bool) -> None:
    if cached:
        decoded(home, load_dataset(home, "beans"), beans.image_size)
    used = measure(home).total
    # 64 px are cached at 72, an eighth more; three bytes a pixel.
    needed = BYTES_PER_PARAMETER * SMALL_CNN + (0 if cached else IMAGES * 72 * 72 * 3)
    allow(home, f"disk_gb = {(used + needed - 1) / 1024**3!r}")
    with pytest.raises(LabError, match=r"run: needs .* of its .* GB in use") as raised:
        submit(home, beans)
    assert raised.value.field == "dataset"
    assert list_runs(home) == []
    with Queue(home) as queue:
        assert queue.waiting() == 0
    allow(home, f"disk_gb = {(used + needed + 1) / 1024**3!r}")
    submit(home, beans)
