"""NVIDIA GPUs as their driver tells of them through NVML; where it tells of none, why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

NO_DRIVER = "There is no NVIDIA GPU on this machine."
NO_ANSWER = "The NVIDIA driver does not answer: {error}."


@dataclass(frozen=True)
class Gpu:
    """One GPU. `load`: the share of the last moments in which it computed, 0 to 1; memory in bytes. None: not told."""

    name: str
    load: float | None
    memory_used: int | None
    memory_total: int | None


def look_at_gpus() -> tuple[list[Gpu], str]:
    """The GPUs now, in the driver's order; and, where there is none, why, in a sentence. About a millisecond."""
    library, why = _opened()
    if library is None:
        return [], why
    try:
        found = [_look(library, number) for number in range(library.nvmlDeviceGetCount())]
    except library.NVMLError as error:
        return [], NO_ANSWER.format(error=error)
    return found, "" if found else NO_DRIVER


def gpu_ids() -> tuple[str, ...]:
    """The names of the GPUs that never change, as CUDA_VISIBLE_DEVICES takes them; none where none is to be seen."""
    library, _ = _opened()
    if library is None:
        return ()
    try:
        handles = [library.nvmlDeviceGetHandleByIndex(number) for number in range(library.nvmlDeviceGetCount())]
        return tuple(_text(library.nvmlDeviceGetUUID(handle)) for handle in handles)
    except library.NVMLError:
        return ()


@cache
def _opened() -> tuple[Any, str]:
    """The driver's library, opened once for this process; or None, and why."""
    import pynvml  # not above: no page needs it before somebody looks at the lab

    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return None, NO_DRIVER
    except pynvml.NVMLError as error:
        return None, NO_ANSWER.format(error=error)
    return pynvml, ""


def _look(library: Any, number: int) -> Gpu:
    handle = library.nvmlDeviceGetHandleByIndex(number)
    name = library.nvmlDeviceGetName(handle)
    memory = _told(library, lambda: library.nvmlDeviceGetMemoryInfo(handle))
    rates = _told(library, lambda: library.nvmlDeviceGetUtilizationRates(handle))
    return Gpu(
        name=_text(name),
        load=None if rates is None else rates.gpu / 100,
        memory_used=None if memory is None else int(memory.used),
        memory_total=None if memory is None else int(memory.total),
    )


def _text(name: str | bytes) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name  # older versions give bytes


def _told(library: Any, question: Callable[[], Any]) -> Any:
    """The answer, or None where this GPU does not give it: one that is divided (MIG) tells no load."""
    try:
        return question()
    except library.NVMLError:
        return None
