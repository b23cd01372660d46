"""Does the schedule matter? The same run with a fixed LR and with StepLR, over several seeds, on three sets of images.

    python tests/benchmarks/fixed_or_decayed.py [--seeds 5] [--sets sample coffee_roast trashnet] [--lab FOLDER]

The food tutorial's recipe: Adam at 0.001 for 20 epochs, fixed or StepLR(step_size=5, gamma=0.5), here with the small
CNN at 64 px. A seed decides the first weights, the order of the images and the augmentation; the held-out images are
the same in all runs. Prints mean and spread (sample standard deviation) of the best and the last validation accuracy,
and the mean of the differences seed by seed. Runs of a lab given by --lab are used again.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from statistics import mean, stdev

from measured_lab import has, trained

from lrlab.datasets import SAMPLE_NAME
from lrlab.experiments import Experiment
from lrlab.home import Home, lab_home
from lrlab.runs import Run, list_runs

SCHEDULES = {
    "fixed": {"scheduler": {"name": "Fixed"}},
    "StepLR(5, 0.5)": {"scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}},
}
SETS = {"sample": SAMPLE_NAME, "coffee_roast": "coffee_roast", "trashnet": "trashnet"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--lab", help="a lab's home to use and to keep")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LRLAB_HOME"] = given.lab or folder
        home = lab_home()
        print("| images | schedule | best val accuracy, % | last val accuracy, % |\n| --- | --- | --- | --- |")
        for name in given.sets:
            show(name, measure(home, SETS[name], given.seeds))


def measure(home: Home, dataset: str, seeds: int) -> dict[str, list[tuple[float, float]]]:
    """For each schedule and seed the best and the last validation accuracy, in per cent."""
    experiments = [
        Experiment.model_validate({"dataset": has(home, dataset), "seed": seed, "schedule": schedule})
        for seed in range(seeds)
        for schedule in SCHEDULES.values()
    ]
    known = {run.experiment: run for run in list_runs(home) if run.record.state == "succeeded"}
    new = {run.experiment: run for run in trained(home, [one for one in experiments if one not in known])}
    pairs = [accuracies({**known, **new}[experiment]) for experiment in experiments]
    return {schedule: pairs[place :: len(SCHEDULES)] for place, schedule in enumerate(SCHEDULES)}


def accuracies(run: Run) -> tuple[float, float]:
    if run.record.state != "succeeded":
        raise SystemExit(f"run {run.id}: {run.record.state}: {run.record.cause}")
    values = 100 * run.epochs["val_accuracy"]
    return float(values.max()), float(values.iloc[-1])


def show(name: str, found: dict[str, list[tuple[float, float]]]) -> None:
    for schedule, pairs in found.items():
        best, last = zip(*pairs, strict=True)
        print(f"| {name} | {schedule} | {spread(best)} | {spread(last)} |", flush=True)
    fixed, decayed = found.values()
    best, last = zip(*[(b[0] - a[0], b[1] - a[1]) for a, b in zip(fixed, decayed, strict=True)], strict=True)
    print(
        f"| {name} | StepLR minus fixed, seed by seed | {spread(best, sign='+')} | {spread(last, sign='+')} |",
        flush=True,
    )


def spread(values: tuple[float, ...], sign: str = "") -> str:
    beside = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):{sign}.1f}{beside}"


if __name__ == "__main__":
    main()
