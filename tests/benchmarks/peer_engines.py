"""The engines that peers.py compares: lrlab and the peers, each trained in processes of its own and watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from measured_lab import PROJECT, made
from peer_recipe import Epoch, Recipe, Told
from watched import watch

from lrlab.datasets import list_datasets, split
from lrlab.experiments import Experiment
from lrlab.files import new_id
from lrlab.home import Home

HERE = Path(__file__).resolve().parent
ALONE = {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(PROJECT)}


@dataclass(frozen=True)
class Outcome:
    """What one training gave: `told` by itself; `began` when its first process did (unix seconds); `memory` in MB.
    `waited`: the seconds in it that only imported libraries."""

    told: Told
    began: float
    memory: float
    waited: float

    @property
    def rate(self) -> float:
        """Images per second of the updates, the median of all epochs but the first."""
        return median(epoch.images / (epoch.trained - epoch.began) for epoch in self.told.epochs[1:])

    @property
    def epoch(self) -> float:
        """Seconds of an epoch with its validation, the median of all but the first."""
        return median(epoch.ended - epoch.began for epoch in self.told.epochs[1:])

    @property
    def whole(self) -> float:
        """Seconds from the start of its first process until its last epoch was validated."""
        return self.told.epochs[-1].ended - self.began

    @property
    def working(self) -> float:
        return self.whole - self.waited

    @property
    def accuracy(self) -> float:
        """Of the last epoch, in per cent."""
        return 100 * self.told.epochs[-1].accuracy


class Peer:
    """A peer in its own environment, by its script."""

    def __init__(self, name: str, python: Path, recipe: Recipe, root: Path) -> None:
        self._command = (str(python), str(HERE / f"peer_{name}.py"))
        self._recipe = recipe
        self._folder = root / name
        self._folder.mkdir(exist_ok=True)

    def train(self, epochs: int, seed: int) -> Outcome:
        asked, told = self._folder / "recipe.json", self._folder / "told.json"
        asked.write_text(json.dumps(asdict(replace(self._recipe, epochs=epochs, seed=seed))))
        watched = watch(
            (*self._command, str(asked), str(told)), self._folder, {**ALONE, "PEER_FOLDER": str(self._folder)}
        )
        tells = Told.read(told)
        return Outcome(tells, watched.began, watched.peak("share"), tells.ready - watched.began)


class Lab:
    """lrlab on the images below `root`."""

    def __init__(self, root: Path) -> None:
        self._folder, self._root = root / "images", root
        self._home, _ = self._imported()

    @property
    def recipe(self) -> Recipe:
        """The same for the others."""
        (dataset,) = list_datasets(self._home)
        rows = split(dataset, Experiment(dataset=dataset.id).validation)
        return Recipe(
            folder=str(self._folder),
            held_out=tuple(dataset.images["file"].iloc[rows.val]),
            network=str(PROJECT / "lrlab" / "training" / "models" / "small_cnn.py"),
            epochs=0,
            seed=0,
        )

    def new(self, epochs: int, seed: int) -> Outcome:
        home, seconds = self._imported()
        outcome = self._trained(home, epochs, seed)
        return replace(outcome, began=outcome.began - seconds)

    def cold(self, epochs: int, seed: int) -> Outcome:
        for cached in self._home.cache.glob("*.npy"):
            cached.unlink()
        return self._trained(self._home, epochs, seed)

    def warm(self, epochs: int, seed: int) -> Outcome:
        return self._trained(self._home, epochs, seed)

    def _imported(self) -> tuple[Home, float]:
        """A new lab with the images in it, and the seconds that it took."""
        home = Home(self._root / f"lab-{new_id()}")
        watched = watch(
            (sys.executable, "-m", "lrlab", "data", "add", str(self._folder), "--name", "images"),
            PROJECT,
            {**ALONE, "LRLAB_HOME": str(home.root)},
        )
        return home, watched.seconds

    def _trained(self, home: Home, epochs: int, seed: int) -> Outcome:
        recipe = self.recipe
        experiment = Experiment.model_validate(
            {
                "dataset": "images",
                "image_size": recipe.image_size,
                "batch_size": recipe.batch_size,
                "epochs": epochs,
                "seed": seed,
                "device": "cpu",
                "optimizer": {"name": "Adam", "lr": recipe.lr},
                "schedule": {"scheduler": {"name": "StepLR", "step_size": recipe.step_size, "gamma": recipe.gamma}},
            }
        )
        run = made(home, experiment)
        watched = watch(
            (sys.executable, "-m", "lrlab", "work", run.id), PROJECT, {**ALONE, "LRLAB_HOME": str(home.root)}
        )
        record = run.record
        if record.state != "succeeded":
            raise SystemExit(f"run {run.id}: {record.state}: {record.cause}")
        told = Told("lrlab", record.attempts[-1].started)
        images = record.steps_per_epoch * record.experiment.images_per_update
        for row in run.epochs.itertuples():
            began = row.time - row.seconds
            told.epochs.append(Epoch(began, began + images / row.images_per_second, row.time, images, row.val_accuracy))
        return Outcome(told, watched.began, watched.peak("share"), told.ready - watched.began)


def python_with(package: str, folder: Path) -> Path:
    """The interpreter of an environment in `folder` that has the newest `package`, and torch from this environment."""
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    python = binaries / ("python.exe" if os.name == "nt" else "python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        its = subprocess.check_output(
            (python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"), text=True
        ).strip()
        (Path(its) / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
        print(f"installing {package} into {folder}", flush=True)
        subprocess.check_call((python, "-m", "pip", "install", "-q", "--disable-pip-version-check", package))
    return python
