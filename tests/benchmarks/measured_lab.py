"""What the scripts that train have in common: real images, a lab with some in it, runs that go through its queue."""

from __future__ import annotations

import io
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from lrlab import jobs  # noqa: E402
from lrlab.datasets import SAMPLE_NAME, add_dataset, add_sample, list_datasets  # noqa: E402
from lrlab.experiments import Experiment  # noqa: E402
from lrlab.home import Home  # noqa: E402
from lrlab.runs import FINAL, DatasetFacts, Run, create_run  # noqa: E402

SHARED = PROJECT.parent / "shared" / "data"
LOOK_EVERY = 0.1
PHOTO = (500, 375)


def unpacked(folder: Path) -> None:
    """trashnet's images as they are, in a folder a class."""
    for kind, file, data in _trashnet():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / file).write_bytes(data)


def photographs(folder: Path) -> None:
    """trashnet's images as photographs of PHOTO, in a folder a class."""
    for kind, file, data in _trashnet():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        image = Image.open(io.BytesIO(data)).convert("RGB")
        image.resize(PHOTO, Image.Resampling.BICUBIC).save(folder / kind / file, quality=90)


def _trashnet() -> Iterator[tuple[str, str, bytes]]:
    """Class, file name and content of each image."""
    with zipfile.ZipFile(SHARED / "trashnet.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".jpg"):
                kind, file = Path(name).parts[-2:]
                yield kind, file, archive.read(name)


def has(home: Home, name: str) -> str:
    """Puts the data set `name` into the lab where it is not: the sample set, or a zip beside the project."""
    if name not in {dataset.name for dataset in list_datasets(home)}:
        if name == SAMPLE_NAME:
            add_sample(home)
        else:
            add_dataset(home, SHARED / f"{name}.zip", name)
    return name


def made(home: Home, experiment: Experiment) -> Run:
    """A run of `experiment` as `jobs.submit` makes it, for `python -m lrlab work`: it waits in no queue."""
    plan = jobs.plan(home, experiment)
    dataset = plan.dataset
    facts = DatasetFacts(
        id=dataset.id, name=dataset.name, classes=dataset.classes, train=plan.train, val=plan.val, test=plan.test
    )
    return create_run(home, experiment, dataset=facts, steps_per_epoch=plan.steps_per_epoch)


def trained(home: Home, experiments: Iterable[Experiment]) -> Iterator[Run]:
    """The runs of `experiments`, one after the other as they end; all of them wait in the lab's queue at once."""
    for run in [jobs.submit(home, experiment) for experiment in experiments]:
        while run.record.state not in FINAL:
            jobs.ensure_supervisor(home)
            time.sleep(LOOK_EVERY)
        yield run
