"""What a lab's keeper may set: lab.toml in the lab's home. Without the file everything has its default.

[limits]
upload_gb = 4            # the largest upload
images = 200000          # images of one data set, at most 200000
disk_gb = 500            # data, caches and runs together; left out: as much as the disk has
jobs_per_person = 100    # a person's runs that wait or are at work

[jobs]
at_a_time = 1            # runs at a time on the CPU; the environment's LRLAB_JOBS goes before it

idle_minutes = 15        # without a run, after which the supervisor leaves and the warm worker with it
helper_idle_minutes = 10 # without a question, after which the helper process leaves

[people]
teachers = ["a.teacher@school.example"]    # who may see and do all; everyone else who signs in is a student
"""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lrlab.errors import LabError, from_validation
from lrlab.home import Home

T = TypeVar("T")

_log = logging.getLogger(__name__)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Part):
    """Sizes are in GB of 1024^3 bytes."""

    upload_gb: Annotated[float, Field(gt=0, le=1024)] = 4
    images: Annotated[int, Field(ge=2, le=200_000)] = 200_000
    disk_gb: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    jobs_per_person: Annotated[int, Field(ge=1)] = 100


class Jobs(_Part):
    at_a_time: Annotated[int, Field(ge=1, le=64)] = 1
    idle_minutes: Annotated[float, Field(ge=0, le=10_000)] = 15
    helper_idle_minutes: Annotated[float, Field(ge=0, le=10_000)] = 10


class People(_Part):
    teachers: tuple[str, ...] = ()
    """Mail addresses as the identity provider gives them; upper and lower case count alike."""


class Settings(_Part):
    """The whole of lab.toml."""

    limits: Limits = Limits()
    jobs: Jobs = Jobs()
    people: People = People()


def settings(home: Home) -> Settings:
    """The lab's settings as the file has them now. LabError naming the entry where it has a fault."""
    try:
        facts = home.settings.stat()
        return _parsed(home.settings, facts.st_ino, facts.st_mtime_ns, facts.st_size)
    except FileNotFoundError:
        return Settings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabError(f"{home.settings.name}: {error}", field=home.settings.name) from error
    except ValidationError as error:
        fault = from_validation(error)
        raise LabError(f"{home.settings.name}: {fault}", field=fault.field) from error


@lru_cache(maxsize=16)
def _parsed(path: Path, *facts: int) -> Settings:
    """The settings in `path`, parsed once for each state of the file: every request of a class asks for them."""
    return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def at_a_time(home: Home) -> int:
    """How many runs may be at work on the CPU at a time: the environment's LRLAB_JOBS, else as set. LabError as
    `settings`, and where LRLAB_JOBS is no whole number from 1 on."""
    text = os.environ.get("LRLAB_JOBS", "")
    if not text:
        return settings(home).jobs.at_a_time
    if not text.isdecimal() or int(text) < 1:
        raise LabError(f"LRLAB_JOBS: got {text!r}, allowed: a whole number of at least 1", field="LRLAB_JOBS")
    return int(text)


def supervisor_idle(home: Home) -> float:
    """Seconds without a run after which the supervisor leaves, and the warm worker with it: the environment's
    LRLAB_IDLE_SECONDS, else as set. LabError as `settings`, and where LRLAB_IDLE_SECONDS is no number from 0 on."""
    text = os.environ.get("LRLAB_IDLE_SECONDS", "")
    if not text:
        return 60 * settings(home).jobs.idle_minutes
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise LabError(
            f"LRLAB_IDLE_SECONDS: got {text[:40]!r}, allowed: a number of at least 0", field="LRLAB_IDLE_SECONDS"
        )
    return seconds


def helper_idle(home: Home) -> float:
    """Seconds without a question after which the helper process leaves. LabError as `settings`."""
    return 60 * settings(home).jobs.helper_idle_minutes


class Followed(Generic[T]):
    """What `read` makes of a lab's settings, each time as they then are: `Followed(home, supervisor_idle)()`.

    LabError of the first reading. A fault that comes into them later leaves the value as it was, and is logged once.
    """

    def __init__(self, home: Home, read: Callable[[Home], T]) -> None:
        self._home, self._read, self._fault = home, read, ""
        self._value = read(home)

    def __call__(self) -> T:
        try:
            self._value, self._fault = self._read(self._home), ""
        except LabError as error:
            if str(error) != self._fault:
                self._fault = str(error)
                _log.error("%s; what was set before holds", error)
        return self._value
