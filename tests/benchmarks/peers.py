"""lrlab against fastai and Lightning: the same recipe on the same images, each in processes of its own, in turns.

    nice python tests/benchmarks/peers.py [--images trashnet photographs] [--peers fastai lightning] [--rounds 3]
                                          [--epochs 5] [--seeds 1] [--accuracy-epochs 20] [--environments FOLDER]

The recipe: lrlab's small CNN at 64 px (shorter side to 72, random crop, flip), batches of 32, Adam 0.001, and
StepLR(5, 0.5), on the CPU; lrlab's held-out images are everybody's. The images: trashnet as it lies there, and enlarged
to photographs of 500 x 375. The peers are the newest of PyPI, installed beside this environment's torch, and written as
their documentation shows: fastai with a DataBlock, item transforms and its Learner, Lightning with torchvision's
ImageFolder, a DataLoader and its Trainer. Workers (none, or one a core) and channels last are tried out first; each
peer runs with what is quickest for it. lrlab's runs are made as the queue makes them, logs and checkpoints included,
and worked on by `python -m lrlab work`:
  new          it has never seen the images: the import, which reads and checks each one, is part of the time
  cold cache   imported, not decoded yet
  warm cache   a second run on the same images

images/s: of the updates, from epoch 2 on. An epoch's seconds include its validation. From start: from the first process
until the last of --epochs epochs was validated; without imports: without the seconds in which only libraries were
imported, as with a worker that waits. Memory is the peak of all processes' share (PSS), sampled.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from statistics import mean, median

from alternating import machine
from measured_lab import PROJECT, made, photographs, unpacked
from peer_recipe import Epoch, Recipe, Told
from watched import watch

from lrlab.datasets import list_datasets, split
from lrlab.experiments import Experiment
from lrlab.files import new_id
from lrlab.home import Home

PACKAGES = {"fastai": "fastai", "lightning": "lightning"}
IMAGES: Mapping[str, Callable[[Path], None]] = {"trashnet": unpacked, "photographs": photographs}
HERE = Path(__file__).resolve().parent
TRIED = tuple(product((0, os.cpu_count() or 1), (False, True)))
"""Workers, and whether channels last: what a peer is tried with."""
TRIAL_EPOCHS = 3
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


@dataclass
class Engine:
    """`train(epochs, seed)` trains once. `outcomes`: of the rounds. `finals`: final accuracies, one a seed."""

    name: str
    train: Callable[[int, int], Outcome]
    outcomes: list[Outcome] = field(default_factory=list)
    finals: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", nargs="+", choices=IMAGES, default=list(IMAGES))
    parser.add_argument("--peers", nargs="+", choices=PACKAGES, default=list(PACKAGES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5, help="2 or more")
    parser.add_argument("--seeds", type=int, default=1, help="of the trainings for accuracy; 0: none")
    parser.add_argument("--accuracy-epochs", type=int, default=20)
    parser.add_argument(
        "--untried", action="store_true", help="a worker for each core, without trying what is quickest"
    )
    parser.add_argument("--environments", type=Path, help="where the peers' environments are made and kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        environments = given.environments or root / "environments"
        pythons = {peer: python_with(PACKAGES[peer], environments / peer) for peer in given.peers}
        for images in given.images:
            compare(images, root / images, pythons, given)


def compare(images: str, root: Path, pythons: Mapping[str, Path], given: argparse.Namespace) -> None:
    """Prints the tables for one set of images."""
    IMAGES[images](root / "images")
    lab = Lab(root)
    print(f"\n## {images}, {given.rounds} rounds; {machine('CPU')}\n", flush=True)
    engines = [
        Engine("lrlab, new", lab.new),
        Engine("lrlab, cold cache", lab.cold),
        Engine("lrlab, warm cache", lab.warm),
    ]
    tried = TRIED[-2:-1] if given.untried else TRIED
    engines += [quickest(peer, python, lab.recipe, root, tried) for peer, python in pythons.items()]
    for number in range(given.rounds):
        first = number % len(engines)
        for engine in (*engines[first:], *engines[:first]):
            engine.outcomes.append(engine.train(given.epochs, 0))
    for seed in range(given.seeds):
        for engine in engines[2:]:
            engine.finals.append(engine.train(given.accuracy_epochs, seed).accuracy)
    show(engines, given)
    ratios(engines)


def quickest(peer: str, python: Path, recipe: Recipe, root: Path, settings: Sequence[tuple[int, bool]]) -> Engine:
    """The peer with that of `settings` with which it is quickest here; prints what was tried."""
    trials = []
    for workers, channels_last in settings:
        engine = Peer(peer, python, replace(recipe, workers=workers, channels_last=channels_last), root)
        outcome = engine.train(TRIAL_EPOCHS, 0)
        text = f"{workers or 'no'} workers{', channels last' if channels_last else ''}"
        trials.append((outcome.epoch, f"{outcome.told.version}, {text}", engine))
        print(f"tried: {trials[-1][1]}: {outcome.epoch:.2f} s an epoch, {outcome.rate:,.0f} images/s", flush=True)
    _, name, engine = min(trials, key=lambda trial: trial[0])
    return Engine(name, engine.train)


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


def show(engines: Sequence[Engine], given: argparse.Namespace) -> None:
    """Prints the medians of the rounds."""
    print(
        f"\n| engine | images/s | seconds an epoch | from start to the end of {given.epochs} epochs, s "
        f"| without imports, s | MB | val accuracy after {given.accuracy_epochs} epochs, % |"
    )
    print("| --- " * 7 + "|")
    for engine in engines:
        nothing = "as with a warm cache" if given.seeds and engine in engines[:2] else "not measured"
        figures = [middle(engine, what) for what in ("rate", "epoch", "whole", "working", "memory")]
        texts = ["{:,.0f}", "{:.2f}", "{:.1f}", "{:.1f}", "{:,.0f}"]
        shown = [text.format(figure) for text, figure in zip(texts, figures, strict=True)]
        accuracies = " ".join(f"{value:.1f}" for value in engine.finals)
        print(f"| {engine.name} | {' | '.join(shown)} | {accuracies or nothing} |")


def ratios(engines: Sequence[Engine]) -> None:
    """Prints how many times faster lrlab is than each peer, round by round, and how far the accuracies lie apart."""
    new, cold, warm, *peers = engines
    print("\n| lrlab over | images/s | an epoch | all epochs: new | cold cache | warm cache | accuracy, points |")
    print("| --- " * 7 + "|")
    for peer in peers:
        cells = [over(warm, peer, "rate"), over(peer, warm, "epoch")]
        cells += [over(peer, ours, "whole") for ours in (new, cold, warm)]
        apart = f"{mean(warm.finals) - mean(peer.finals):+.1f}" if peer.finals else "not measured"
        print(f"| {peer.name} | {' | '.join(cells)} | {apart} |", flush=True)


def middle(engine: Engine, what: str) -> float:
    return median(getattr(outcome, what) for outcome in engine.outcomes)


def over(one: Engine, other: Engine, what: str) -> str:
    """The median over the rounds of one figure over the other, with its range."""
    pairs = zip(one.outcomes, other.outcomes, strict=True)
    each = sorted(getattr(mine, what) / getattr(its, what) for mine, its in pairs)
    return f"{median(each):.2f} ({each[0]:.2f} to {each[-1]:.2f})"


if __name__ == "__main__":
    main()
