"""The doctor: looks at everything a lab keeps, repairs what can be repaired, and says what it did and could not do.

Nothing that could be a person's work is ever deleted: a damaged log is kept aside, a record that cannot be read is
told. What goes is what can be made again, and what killed processes left half made. It works beside a lab at work: runs
that somebody works on, and the queue while a supervisor has it, are theirs.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

from lrlab.datasets import megabytes
from lrlab.errors import LabError
from lrlab.home import FORMAT, Home
from lrlab.jobs import ensure_attended
from lrlab.keeping.checks import check_datasets, check_leftovers, check_queue, check_runs
from lrlab.keeping.finding import Finding
from lrlab.keeping.restoring import finish
from lrlab.settings import settings

LITTLE = 1024**3
"""Bytes free on the lab's disk below which a person should make room."""

State = Literal["repaired", "repairable", "open"]


@dataclass(frozen=True)
class Result:
    """A finding and what became of it: "repaired", "repairable" (only looked at) or "open" (a person is needed)."""

    finding: Finding
    state: State
    why: str = ""
    """Why a repair did not succeed."""


def examine(home: Home, *, repair: bool = True, thorough: bool = False) -> Iterator[Result]:
    """Looks at the whole lab in `home` and gives what it finds, repaired where it can be and `repair` is set.

    `thorough`: every image and checkpoint is read and compared with its checksum. LabError where a later lrlab wrote
    the lab, or there is none.
    """
    if home.format is None and not (home.datasets.is_dir() and home.runs.is_dir()):
        raise LabError(f"home: there is no lab in {home.root}", field="home")
    if home.format is not None and home.format > FORMAT:
        raise LabError(f"home: {home.fault()}", field="home")
    for finding in _home(home):
        yield _dealt_with(finding, repair)
    if home.fault() or not all(folder.is_dir() for folder in _folders(home)):
        return  # it was only looked at, and nothing can be said of the rest
    for finding in chain(check_datasets(home, thorough=thorough), check_runs(home, thorough=thorough)):
        yield _dealt_with(finding, repair)
    # Dealt with before it is told: no supervisor begins meanwhile, and whoever reads may take as long as they like.
    yield from [_dealt_with(finding, repair) for finding in check_queue(home)]
    for finding in check_leftovers(home):
        yield _dealt_with(finding, repair)
    # Last: from here on the lab's lock and its runs' files are a supervisor's.
    if repair:
        with suppress(LabError):  # that the queue is damaged was told
            ensure_attended(home)


def _dealt_with(finding: Finding, repair: bool) -> Result:
    if finding.repair is None:
        return Result(finding, "open")
    if not repair:
        return Result(finding, "repairable")
    try:
        finding.repair()
    except (OSError, LabError) as error:
        return Result(finding, "open", str(error))
    return Result(finding, "repaired")


def _home(home: Home) -> Iterator[Finding]:
    if home.is_being_restored or list(home.root.glob(".restored-*")):
        yield Finding("lab", "a restore into it was broken off", "its last steps are made", partial(finish, home))
        if home.is_being_restored:
            return
    if home.format is None:
        text = f"an earlier lrlab made it, without {home.mark_file.name}"
        yield Finding("lab", text, "it is written, and a later lrlab will know the lab's format", home.mark)
    if home.format == 0:
        yield Finding("lab", f"{home.mark_file.name} cannot be read", "it is written anew", home.mark)
    if missing := [folder.name for folder in _folders(home) if not folder.is_dir()]:
        yield Finding("lab", f"its folder {' and '.join(missing)} is missing", "it is made", home.ensure)
    try:
        settings(home)
    except LabError as error:
        yield Finding("lab", str(error), f"correct {home.settings}")
    free = shutil.disk_usage(home.root).free
    if free < LITTLE:
        yield Finding("lab", f"its disk has {megabytes(free)} left", "make room: delete caches, data sets or runs")


def _folders(home: Home) -> tuple[Path, ...]:
    return home.datasets, home.cache, home.uploads, home.imports, home.runs
