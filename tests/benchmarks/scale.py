"""Does the cost grow in proportion to the images, and does memory stay where it is? Sets of 1,000 to 50,000 images.

    nice python tests/benchmarks/scale.py [--images 1000 10000 50000] [--epochs 2]

The images are drawn by the generator of the sample set (PNG of 48 px, another one each time, four classes) into a
folder, which `python -m lrlab data add` takes in and `python -m lrlab work` trains on: small CNN, 64 px, batches of 32.
Both processes are watched from outside; their memory is sampled every half second.

The first table gives the seconds of each part; the second those for each 1,000 images, and in brackets what each
further 1,000 cost over the next smaller set, where what is paid once (a process that starts, a model that is built) is
out of the account: these are to be even. The third does so with the processor's seconds, which say the same where other
programs have the machine at the same time. The last gives memory: the peak of all pages, of the process's share (PSS)
and of its own pages, which stand for no file; and the slope of the latter, by least squares, from the end of the first
epoch to that of the last.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from alternating import machine
from measured_lab import PROJECT, made
from PIL import Image
from watched import Watched, watch

from lrlab.datasets.beans import ROASTS, draw
from lrlab.experiments import Experiment
from lrlab.home import Home

AT_ONCE = 24
"""Pictures drawn at a time."""

LEAST_SAMPLES = 10
"""Fewer tell no slope."""

PARTS = ("import", "decoding", "epoch 1", "last epoch", "validation", "the end")


@dataclass(frozen=True)
class Measured:
    """One set: seconds of each of PARTS, by the clock and of the processor, and the two processes. `slope`: MB a
    minute; None where the epochs after the first are too short to tell."""

    images: int
    seconds: dict[str, float]
    cpu: dict[str, float]
    importing: Watched
    training: Watched
    slope: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", nargs="+", type=int, default=[1_000, 10_000, 50_000])
    parser.add_argument("--epochs", type=int, default=2, help="2 or more")
    given = parser.parse_args()
    sizes = sorted(given.images)
    print(f"{machine('CPU')}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        largest = Path(folder) / "images"
        began = time.perf_counter()
        drawn(largest, sizes[-1])
        print(f"{sizes[-1]:,} images drawn in {time.perf_counter() - began:.0f} s\n", flush=True)
        found = []
        for images in sizes:
            found.append(measure(Path(folder), largest, images, given.epochs))
            print(f"{images:,} images: done", flush=True)
    show(found)


def drawn(folder: Path, images: int) -> None:
    """So many pictures of beans, a folder a class, numbered over all classes."""
    for roast in ROASTS:
        (folder / roast).mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(partial(_draw, folder, images), range(0, images, 50 * AT_ONCE)):
            pass


def _draw(folder: Path, images: int, first: int) -> None:
    rng = np.random.default_rng(first)
    for start in range(first, min(first + 50 * AT_ONCE, images), AT_ONCE):
        numbers = np.arange(start, min(start + AT_ONCE, images))
        for number, pixels in zip(numbers, draw(numbers % len(ROASTS), rng), strict=True):
            Image.fromarray(pixels).save(folder / ROASTS[number % len(ROASTS)] / f"bean_{number:06d}.png")


def measure(root: Path, largest: Path, images: int, epochs: int) -> Measured:
    """Takes in the first `images` of the pictures in `largest`, and trains on them."""
    folder, home = root / f"first-{images}", Home(root / f"lab-{images}")
    for number in range(images):
        name = Path(ROASTS[number % len(ROASTS)], f"bean_{number:06d}.png")
        (folder / name.parent).mkdir(parents=True, exist_ok=True)
        os.link(largest / name, folder / name)
    surroundings = {"LRLAB_HOME": str(home.root), "PYTHONPATH": str(PROJECT), "CUDA_VISIBLE_DEVICES": ""}
    lrlab = (sys.executable, "-m", "lrlab")
    importing = watch((*lrlab, "data", "add", str(folder), "--name", "beans"), PROJECT, surroundings)
    experiment = Experiment.model_validate({"dataset": "beans", "image_size": 64, "epochs": epochs, "device": "cpu"})
    run = made(home, experiment)
    training = watch((*lrlab, "work", run.id), PROJECT, surroundings)
    if run.record.state != "succeeded":
        raise SystemExit(f"run {run.id}: {run.record.state}: {run.record.cause}")
    (cache,) = home.cache.glob("*.npy")
    rows = run.epochs
    trained = run.record.steps_per_epoch * run.record.experiment.images_per_update
    ends = [float(value) for value in rows["time"]]
    begins = [end - seconds for end, seconds in zip(ends, rows["seconds"], strict=True)]
    updated = [begin + trained / rate for begin, rate in zip(begins, rows["images_per_second"], strict=True)]
    spans = {
        "import": (importing, importing.began, importing.ended),
        "decoding": (training, run.record.attempts[0].started, cache.stat().st_mtime),
        "epoch 1": (training, begins[0], updated[0]),
        "last epoch": (training, begins[-1], updated[-1]),
        "validation": (training, updated[-1], ends[-1]),
        "the end": (training, ends[-1], training.ended),
    }
    seconds = {part: end - begin for part, (_, begin, end) in spans.items()}
    cpu = {part: watched.cpu(end) - watched.cpu(begin) for part, (watched, begin, end) in spans.items()}
    return Measured(images, seconds, cpu, importing, training, _slope(training, ends[0], ends[-1]))


def _slope(watched: Watched, since: float, until: float) -> float | None:
    """How the process's own memory grows between two times, in MB a minute."""
    samples = [sample for sample in watched.samples if since <= sample.time <= until]
    if len(samples) < LEAST_SAMPLES:
        return None
    minutes = [(sample.time - since) / 60 for sample in samples]
    return float(np.polyfit(minutes, [sample.own for sample in samples], 1)[0])


def show(found: Sequence[Measured]) -> None:
    """Prints the tables."""
    _table(["seconds", *PARTS], [[f"{one.seconds[part]:.1f}" for part in PARTS] for one in found], found)
    for what, name in (("seconds", "seconds for each 1,000"), ("cpu", "of the processor, for each 1,000")):
        pairs = zip(found, (None, *found), strict=False)
        each = [[_per_thousand(one, less, part, what) for part in PARTS] for one, less in pairs]
        _table([name, *PARTS], each, found)
    memory = []
    for one in found:
        peaks = [
            f"{of.peak(what):,.0f}" for of in (one.importing, one.training) for what in ("resident", "share", "own")
        ]
        memory.append([*peaks, "too short" if one.slope is None else f"{one.slope:+.1f}"])
    heads = ["import: all pages", "share", "own", "training: all pages", "share", "own", "slope, MB a minute"]
    _table(["peak memory, MB", *heads], memory, found)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], found: Sequence[Measured]) -> None:
    print(f"\n| {' | '.join(heads)} |\n{'| --- ' * len(heads)}|")
    for one, row in zip(found, rows, strict=True):
        print(f"| {one.images:,} images | {' | '.join(row)} |")


def _per_thousand(one: Measured, smaller: Measured | None, part: str, what: str) -> str:
    """Seconds for each 1,000 images, and for each further 1,000 than the smaller set has."""
    seconds = getattr(one, what)[part]
    text = f"{seconds / one.images * 1000:.3f}"
    if smaller is None:
        return text
    further = (seconds - getattr(smaller, what)[part]) / (one.images - smaller.images) * 1000
    return f"{text} (further {further:.3f})"


if __name__ == "__main__":
    main()
