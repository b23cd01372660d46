"""`train`: put an experiment into the queue and watch its run to the end."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lrlab.cli.documents import changed, read_json
from lrlab.cli.parser import Groups, Parser, paragraph
from lrlab.cli.terminal import Bar, note, say
from lrlab.errors import LabError, shown
from lrlab.home import Home, lab_home

if TYPE_CHECKING:
    from lrlab.runs import RunStatus

LOOK_EVERY = 0.25
"""Seconds between two looks at the run."""

HELP_EVERY = 5.0
"""Seconds between two looks whether a supervisor is at work; without one a run would wait for ever."""

NOT_SUCCEEDED = 1
INTERRUPTED = 130


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "train",
        help="train an experiment in the background and watch it",
        description="Put an experiment into the queue and watch its run. The first line of stdout is the run's id.\n"
        "The run goes on when this command is interrupted.",
    )
    parser.add_argument(
        "experiment", metavar="EXPERIMENT.json", nargs="?", help="the experiment as JSON; - reads it from stdin"
    )
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="a preset in place of a file; --set dataset=NAME gives it images",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a setting, such as optimizer.lr=0.01 or schedule.scheduler.name=Fixed; may be given again",
    )
    parser.add_argument("--detach", action="store_true", help="return once the run waits in the queue")
    parser.fill = _catalogue
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from lrlab import jobs
    from lrlab.experiments import Experiment

    home = lab_home()
    document, remarks = changed(_document(given), given.set)
    submitted = jobs.submit(home, Experiment.model_validate(document))
    say(submitted.id)
    sys.stdout.flush()
    for remark in remarks:
        note(remark)
    if given.detach:
        return 0
    try:
        return follow(home, submitted.id)
    except KeyboardInterrupt:
        note(f"The run goes on. Look at it: python -m lrlab runs show {submitted.id}")
        note(f"Stop it: python -m lrlab runs stop {submitted.id}")
        return INTERRUPTED


def _document(given: argparse.Namespace) -> Any:
    """The experiment as it was given, before --set: a file's, or a preset's without its data set."""
    from lrlab.experiments import EXPERIMENT_PRESETS

    if (given.preset is None) == (given.experiment is None):
        raise LabError("train: allowed: either EXPERIMENT.json or --preset NAME")
    if given.preset is None:
        return read_json(given.experiment)
    if given.preset not in EXPERIMENT_PRESETS:
        raise LabError(f"--preset: got {shown(given.preset)}, allowed: {', '.join(EXPERIMENT_PRESETS)}")
    return dict(EXPERIMENT_PRESETS[given.preset].settings)


def follow(home: Home, run_id: str, line: Callable[[RunStatus], str] | None = None) -> int:
    """Shows the run's progress until it has ended; 0 only where it succeeded. `line`: what is said of it meanwhile."""
    from lrlab import jobs
    from lrlab.runs import FINAL, load_run

    bar = Bar()
    checked = time.monotonic()
    try:
        while True:
            # Read first: a "lost" that nobody has written down yet may still become a cause.
            recorded = load_run(run_id, home).record.state
            seen = jobs.run_status(home, run_id)
            bar.show(seen.share if seen.step else None, (line or _line)(seen), mark=_mark(seen))
            if recorded in FINAL:
                break
            if time.monotonic() - checked > HELP_EVERY:
                checked = time.monotonic()
                jobs.ensure_supervisor(home)
            time.sleep(LOOK_EVERY)
    finally:
        bar.close()
    note(_verdict(seen))
    return 0 if seen.state == "succeeded" else NOT_SUCCEEDED


def _line(seen: RunStatus) -> str:
    from lrlab.runs import best_words, duration

    if seen.state != "running" or not seen.step:
        return seen.message
    parts = [f"epoch {seen.epoch} of {seen.epochs}"]
    if seen.eta is not None:
        parts.append(f"{duration(seen.eta)} left")
    if seen.best_val_accuracy is not None:
        parts.append(best_words(seen.best_val_accuracy, seen.best_by, what="val accuracy"))
    if seen.images_per_second:
        parts.append(f"{seen.images_per_second:,.0f} images/s on {seen.device}")
    return ", ".join(parts)


def _mark(seen: RunStatus) -> object:
    """What a new line is worth where there is no terminal: another epoch, or another thing being done."""
    return (seen.state, seen.epoch) if seen.step else (seen.state, re.sub(r"[\d,]+", "", seen.message))


def _verdict(seen: RunStatus) -> str:
    from lrlab.runs import best_words

    lines = [f"{seen.state}: {seen.message}"]
    if seen.best_val_accuracy is not None:
        lines[0] += "; " + best_words(seen.best_val_accuracy, seen.best_by, seen.best_epoch, "val accuracy")
    if seen.cause and seen.cause != seen.message:
        lines.append(seen.cause)
    if seen.advice:
        lines.append(seen.advice)
    return "\n".join(lines)


def _catalogue() -> str:
    """The settings of an experiment, as the catalogues describe them."""
    from lrlab.experiments import EXPERIMENT_PRESETS, MODELS, OPTIMIZERS, SECTIONS
    from lrlab.experiments.document import allowed

    lines = ["settings (every one but dataset has a default; docs/EXPERIMENT.md has them as a table):"]
    for section in SECTIONS:
        lines += ["", f"{section.title}: {section.line}"]
        for field in section.fields:
            default = f" (default: {field.start})" if field.start not in ("", ()) and not field.optional else ""
            lines.append(paragraph(f"{field.name}: {field.help} Allowed: {allowed(field.name)}{default}", 2))
    lines += ["", "schedule: see python -m lrlab schedule --help", "", "model.name:"]
    lines += [paragraph(f"{model.name}: {model.line} {model.when}", 2) for model in MODELS.values()]
    lines += ["", "optimizer.name:"]
    for optimizer in OPTIMIZERS.values():
        lines.append(paragraph(f"{optimizer.name}: {optimizer.line}", 2))
        lines += [paragraph(f"{parameter.name}: {parameter.help}", 4) for parameter in optimizer.parameters]
    lines += ["", "--preset:"]
    lines += [paragraph(f"{preset.name}: {preset.line}", 2) for preset in EXPERIMENT_PRESETS.values()]
    return "\n".join(lines)
