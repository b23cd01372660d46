"""The device that a run trains on: chosen, named, and how many threads the CPU gives it."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import psutil
import torch

from lrlab.errors import LabError
from lrlab.training.models import NETWORKS

MOST_THREADS = 16
"""More threads than this only wait for each other on the batches of a lab."""


@dataclass(frozen=True)
class Device:
    """`text`: the device in words ("CPU, 2 threads", "NVIDIA H100, bfloat16"). `threads`: torch's on the CPU."""

    device: torch.device
    text: str
    threads: int
    bfloat16: bool

    @property
    def waits(self) -> bool:
        """Whether reading a value waits for all work before it, as on every accelerator."""
        return self.device.type != "cpu"

    def autocast(self) -> AbstractContextManager[object]:
        """What the forward pass runs in."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()


def choose_device(name: str, model: str) -> Device:
    """The device `name` ("auto", "cpu", "cuda" or "mps") for `model`; sets torch's threads.

    "auto" is the NVIDIA GPU if torch sees one, else the Apple GPU, else the CPU. Another number of threads would sum in
    another order and give other weights, so the number is the machine's, and it is recorded with the run.
    LabError (field "device") where the named device is missing.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    found = [kind for kind, there in present.items() if there]
    kind = found[0] if name == "auto" else name
    if kind not in found:
        what = {"cuda": "NVIDIA GPU", "mps": "Apple GPU"}.get(kind, "such device")
        raise LabError(
            f"device: got {name}, but torch sees no {what} on this machine; allowed here: auto, {', '.join(found)}",
            field="device",
        )
    threads = min(_cores(), MOST_THREADS)
    torch.set_num_threads(threads)
    device = torch.device(kind)
    # In hardware from compute capability 8.0 on; before, bfloat16 is emulated and slower than float32.
    bfloat16 = kind == "cuda" and NETWORKS[model].bfloat16 and torch.cuda.get_device_capability()[0] >= 8
    torch.backends.cudnn.benchmark = kind == "cuda"  # the shapes stay the same for the whole run
    return Device(device, _text(kind, threads, bfloat16), threads, bfloat16)


def _text(kind: str, threads: int, bfloat16: bool) -> str:
    if kind == "cuda":
        return f"{torch.cuda.get_device_properties(0).name}{', bfloat16' if bfloat16 else ''}"
    return "Apple GPU" if kind == "mps" else f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def _cores() -> int:
    """The physical cores that this process may use: two threads of one core share the unit that multiplies."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, psutil.cpu_count(logical=False) or allowed)
