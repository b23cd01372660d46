"""The device that a run trains on: chosen, named, what it computes in, and how many threads the CPU gives it."""

from __future__ import annotations

import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import psutil
import torch

from lrlab.errors import LabError
from lrlab.training.models import NETWORKS

Precision = Literal["float32", "bfloat16", "float16"]
"""What a forward pass computes in."""

MOST_THREADS = 16
"""More threads than this only wait for each other on the batches of a lab."""

_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Device:
    """`text`: the device in words ("CPU, 2 threads", "NVIDIA H100, bfloat16"). `threads`: torch's on the CPU."""

    device: torch.device
    text: str
    threads: int
    precision: Precision = "float32"

    @property
    def waits(self) -> bool:
        """Whether reading a value waits for all work before it, as on every accelerator."""
        return self.device.type != "cpu"

    def autocast(self) -> AbstractContextManager[object]:
        """What the forward pass runs in."""
        kind = _TYPES.get(self.precision)
        return torch.autocast(self.device.type, kind) if kind else nullcontext()

    def gradient_scaler(self) -> torch.amp.GradScaler | None:
        """What keeps small gradients from vanishing in float16; None in every other precision, which needs none."""
        if self.precision != "float16":
            return None
        # Where the first gradients overflow, their update is left out, and torch thinks the schedule too early.
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        return torch.amp.GradScaler(self.device.type)


def choose_device(name: str, model: str, precision: str = "auto", threads: int | None = None) -> Device:
    """The device `name` ("auto", "cpu", "cuda" or "mps") for `model`; sets torch's threads.

    "auto" is the NVIDIA GPU if torch sees one, else the Apple GPU, else the CPU. `precision` "auto" is bfloat16 where
    the GPU has it in hardware and the model gains by it, else float32. Another number of threads would sum in another
    order and give other weights, so a run records how many it had; `threads` asks for as many, by default for all that
    are worth having.
    LabError (field "device" or "precision") where the named device is missing, or cannot compute so.
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
    able = _precisions(kind)
    if precision == "auto":
        chosen: Precision = (
            "bfloat16" if kind == "cuda" and NETWORKS[model].bfloat16 and "bfloat16" in able else "float32"
        )
    else:
        matching = [one for one in able if one == precision]
        if not matching:
            raise LabError(
                f"precision: got {precision}, but {_name(kind)} does not compute in it; "
                f"allowed there: auto, {', '.join(able)}",
                field="precision",
            )
        (chosen,) = matching
    threads = threads or shared_threads(1)
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = kind == "cuda"  # the shapes stay the same for the whole run
    return Device(torch.device(kind), _text(kind, threads, chosen), threads, chosen)


def own_threads() -> int:
    """torch's threads for a run of this process: its share of the cores, where its supervisor set LRLAB_SHARING to the
    number of runs that may be at work; else all that are worth having."""
    return shared_threads(int(os.environ.get("LRLAB_SHARING", "1")))


def shared_threads(runs: int) -> int:
    """torch's threads for each of `runs` runs at a time: more of them than cores would wait for each other."""
    return min(max(1, _cores() // runs), MOST_THREADS)


def _precisions(kind: str) -> list[Precision]:
    """What the device can compute in at a speed worth having, or, on the CPU, at all.

    float16 wants scaled gradients, which are made for NVIDIA's GPUs. bfloat16 is in their hardware from compute
    capability 8.0 on; before, it is emulated and slower than float32.
    """
    if kind == "cuda":
        modern = torch.cuda.get_device_capability()[0] >= 8
        return ["float32", "bfloat16", "float16"] if modern else ["float32", "float16"]
    if kind == "mps":
        return ["float32", "bfloat16"] if torch.backends.mps.is_macos_or_newer(14, 0) else ["float32"]
    return ["float32", "bfloat16"]


def _name(kind: str) -> str:
    if kind == "cuda":
        return str(torch.cuda.get_device_properties(0).name)
    return "the Apple GPU" if kind == "mps" else "the CPU"


def _text(kind: str, threads: int, precision: Precision) -> str:
    if kind == "cpu":
        words = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    else:
        words = _name(kind) if kind == "cuda" else "Apple GPU"
    return words if precision == "float32" else f"{words}, {precision}"


def _cores() -> int:
    """The physical cores that this process may use: two threads of one core share the unit that multiplies."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, psutil.cpu_count(logical=False) or allowed)
