"""The machine as the lab sees it: loads from the system's own counters, GPUs from a driver that may be absent."""

from __future__ import annotations

import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest

from lrlab.jobs import gpus, machine
from lrlab.jobs.gpus import NO_DRIVER, Gpu, look_at_gpus
from lrlab.jobs.machine import Meter

Times = namedtuple("Times", "user nice system idle iowait guest", defaults=(0.0,))


@pytest.fixture(autouse=True)
def fresh_driver() -> Iterator[None]:
    """Every test finds the driver's library anew."""
    gpus._opened.cache_clear()
    yield
    gpus._opened.cache_clear()


@pytest.mark.parametrize(
    ("before", "after", "load"),
    [
        (Times(10, 0, 5, 100, 3), Times(12, 0, 6, 101, 3), 0.75),  # 3 of 4 seconds
        (Times(10, 0, 5, 100, 3), Times(10, 0, 5, 104, 3), 0.0),
        (Times(10, 0, 5, 100, 3), Times(10, 0, 5, 102, 5), 0.0),  # who waits for a disk is not busy
        (Times(10, 1, 5, 100, 3), Times(12, 3, 5, 100, 3), 1.0),  # niced work is work
        (Times(10, 0, 5, 100, 3, 4), Times(12, 0, 5, 102, 3, 6), 0.5),  # a guest's time is in user's already
        (Times(10, 0, 5, 100, 3), Times(10, 0, 5, 100, 3), None),  # no time has passed
    ],
)
def test_the_load_is_the_mean_since_the_look_before(
    monkeypatch: pytest.MonkeyPatch, before: Times, after: Times, load: float | None
) -> None:
    times = iter([before, after])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(times))
    meter = Meter()
    assert meter.look().devices[0].load is None
    assert meter.look().devices[0].load == (None if load is None else pytest.approx(load))


GB = 1024**3
Whole = SimpleNamespace(total=16 * GB, available=12 * GB)


@pytest.mark.parametrize(
    ("files", "used", "total"),
    [
        ({}, 4 * GB, 16 * GB),
        ({"memory.max": "max\n", "memory.current": "123\n"}, 4 * GB, 16 * GB),
        ({"memory.max": f"{32 * GB}", "memory.current": "123"}, 4 * GB, 16 * GB),  # allowed more than there is
        ({"memory.max": f"{2 * GB}", "memory.current": f"{GB}"}, GB, 2 * GB),
        (
            {"memory.max": f"{2 * GB}", "memory.current": f"{GB}", "memory.stat": f"anon 5\ninactive_file {GB // 2}\n"},
            GB // 2,
            2 * GB,
        ),
    ],
)
def test_memory_is_the_containers_where_that_is_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], used: int, total: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Whole)
    cpu = Meter().look().devices[0]
    assert (cpu.memory_used, cpu.memory_total) == (used, total)


class NVMLError(Exception):
    pass


class NVMLError_LibraryNotFound(NVMLError):  # noqa: N801 (as the library spells it)
    pass


class NVMLError_DriverNotLoaded(NVMLError):  # noqa: N801
    pass


def driver(*cards: dict[str, Any], fault: type[NVMLError] | None = None, later: bool = False) -> ModuleType:
    """A stand-in for pynvml with these cards; `fault` is raised by nvmlInit, or, `later`, by what comes after it.

    A card's value may be an exception, which its question then raises.
    """

    def told(name: str) -> Any:
        def answer(card: dict[str, Any]) -> Any:
            if isinstance(card[name], type):
                raise card[name]
            return card[name]

        return answer

    def start() -> None:
        if fault and not later:
            raise fault("why")

    def count() -> int:
        if fault:
            raise fault("why")
        return len(cards)

    module = ModuleType("pynvml")
    vars(module).update(
        NVMLError=NVMLError,
        NVMLError_LibraryNotFound=NVMLError_LibraryNotFound,
        NVMLError_DriverNotLoaded=NVMLError_DriverNotLoaded,
        nvmlInit=start,
        nvmlDeviceGetCount=count,
        nvmlDeviceGetHandleByIndex=lambda number: cards[number],
        nvmlDeviceGetName=told("name"),
        nvmlDeviceGetMemoryInfo=told("memory"),
        nvmlDeviceGetUtilizationRates=told("rates"),
    )
    return module


MEMORY = SimpleNamespace(used=3 * GB, total=80 * GB)
BUSY = SimpleNamespace(gpu=97, memory=12)


@pytest.mark.parametrize(
    ("library", "found", "why"),
    [
        (driver(fault=NVMLError_LibraryNotFound), [], NO_DRIVER),
        (driver(fault=NVMLError_DriverNotLoaded), [], NO_DRIVER),
        (driver(fault=NVMLError), [], "The NVIDIA driver does not answer: why."),
        (driver(fault=NVMLError, later=True), [], "The NVIDIA driver does not answer: why."),
        (driver(), [], NO_DRIVER),
        (driver({"name": "H100", "memory": MEMORY, "rates": BUSY}), [Gpu("H100", 0.97, 3 * GB, 80 * GB)], ""),
        (driver({"name": b"T4", "memory": MEMORY, "rates": BUSY}), [Gpu("T4", 0.97, 3 * GB, 80 * GB)], ""),
        # A GPU that is divided (MIG) tells no load, one with shared memory no memory.
        (driver({"name": "H100", "memory": MEMORY, "rates": NVMLError}), [Gpu("H100", None, 3 * GB, 80 * GB)], ""),
        (driver({"name": "GB10", "memory": NVMLError, "rates": BUSY}), [Gpu("GB10", 0.97, None, None)], ""),
    ],
)
def test_gpus(monkeypatch: pytest.MonkeyPatch, library: ModuleType, found: list[Gpu], why: str) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert look_at_gpus() == (found, why)


def test_the_machine_tells_the_cpu_first_and_then_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = [{"name": "H100", "memory": MEMORY, "rates": BUSY} for _ in range(2)]
    monkeypatch.setitem(sys.modules, "pynvml", driver(*cards))
    seen = Meter().look()
    assert [device.kind for device in seen.devices] == ["cpu", "gpu", "gpu"]
    assert [device.name for device in seen.devices[1:]] == [
        "GPU 0: H100",
        "GPU 1: H100",
    ]  # or nobody could tell which is which
    assert seen.gpus == ""
