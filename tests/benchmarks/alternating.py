"""Ways to do one thing, timed in blocks that take turns in one run, so that a busy neighbour slows them all alike."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median


@dataclass
class Arm:
    """`block()` does a block of the work and returns the images it took and the seconds they took."""

    name: str
    block: Callable[[], tuple[int, float]]
    rates: list[float] = field(default_factory=list)
    """Images per second, of each block that counts."""


def take_turns(arms: Sequence[Arm], rounds: int, discarded: int = 1) -> None:
    """Runs every arm's block `rounds` times after `discarded` ones that do not count; each round begins with another
    arm, so that no arm always follows the same one."""
    for number in range(discarded + rounds):
        start = number % len(arms)
        for arm in (*arms[start:], *arms[:start]):
            images, seconds = arm.block()
            if number >= discarded:
                arm.rates.append(images / seconds)


def ratio(arm: Arm, to: Arm) -> str:
    """The median over the rounds of one arm's rate over the other's, with the quartiles of the rounds."""
    each = sorted(mine / its for mine, its in zip(arm.rates, to.rates, strict=True))
    return f"{median(each):.3f} ({each[len(each) // 4]:.3f} to {each[-1 - len(each) // 4]:.3f})"


def rate(arm: Arm) -> str:
    return f"{median(arm.rates):,.0f}" if median(arm.rates) >= 100 else f"{median(arm.rates):.1f}"


def machine(device: str) -> str:
    """When and where, in a line to stand above a table."""
    return (
        f"{datetime.now(UTC):%d %B %Y}, {device}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"torch {version('torch')}, Python {platform.python_version()}"
    )
