"""What a lab's keeper may set: lab.toml in the lab's home. Without the file everything has its default.

[limits]
upload_gb = 4            # the largest upload
images = 200000          # images of one data set
disk_gb = 500            # data, caches and runs together; left out: as much as the disk has
jobs_per_person = 100    # a person's runs that wait or are at work

[jobs]
at_a_time = 1            # runs at a time on the CPU; the environment's LRLAB_JOBS goes before it

[people]
teachers = ["a.teacher@school.example"]    # who may see and do all; everyone else who signs in is a student
"""

from __future__ import annotations

import os
import tomllib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lrlab.errors import LabError, from_validation
from lrlab.home import Home


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Part):
    """Sizes are in GB of 1024^3 bytes."""

    upload_gb: Annotated[float, Field(gt=0, le=1024)] = 4
    images: Annotated[int, Field(ge=2, le=10_000_000)] = 200_000
    disk_gb: Annotated[float, Field(gt=0)] | None = None
    jobs_per_person: Annotated[int, Field(ge=1)] = 100


class Jobs(_Part):
    at_a_time: Annotated[int, Field(ge=1, le=64)] = 1


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
        return Settings.model_validate(tomllib.loads(home.settings.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Settings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabError(f"{home.settings.name}: {error}", field=home.settings.name) from error
    except ValidationError as error:
        fault = from_validation(error)
        raise LabError(f"{home.settings.name}: {fault}", field=fault.field) from error


def at_a_time(home: Home) -> int:
    """How many runs may be at work on the CPU at a time: the environment's LRLAB_JOBS, else as set. LabError as
    `settings`, and where LRLAB_JOBS is no whole number from 1 on."""
    text = os.environ.get("LRLAB_JOBS", "")
    if not text:
        return settings(home).jobs.at_a_time
    if not text.isdecimal() or int(text) < 1:
        raise LabError(f"LRLAB_JOBS: got {text!r}, allowed: a whole number of at least 1", field="LRLAB_JOBS")
    return int(text)
