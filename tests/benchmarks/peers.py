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
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from statistics import mean, median

from alternating import machine
from measured_lab import photographs, unpacked
from peer_engines import Lab, Outcome, Peer, python_with
from peer_recipe import Recipe

PACKAGES = {"fastai": "fastai", "lightning": "lightning"}
IMAGES: Mapping[str, Callable[[Path], None]] = {"trashnet": unpacked, "photographs": photographs}
TRIED = tuple(product((0, os.cpu_count() or 1), (False, True)))
"""Workers, and whether channels last: what a peer is tried with."""
TRIAL_EPOCHS = 3


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
