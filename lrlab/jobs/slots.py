"""What runs may be given at a time: one slot for each GPU, and as many for the CPU as the lab's keeper set.

GPUs are found without torch, through NVML, which comes with NVIDIA's driver. Where that finds none, a slot is a share
of the whole machine, and torch sees in it what there is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lrlab.jobs.gpus import gpu_ids, look_at_gpus
from lrlab.runs import RunRecord

ANY = ("auto", "cpu", "cuda", "mps")
"""The devices that an experiment may ask for."""


@dataclass(frozen=True)
class Slot:
    """Room for one run. `gpu`: the GPU it has to itself, as CUDA_VISIBLE_DEVICES names it; empty: none.

    `takes`: the devices that a run in it may have asked for. `hides`: whether it must see no GPU, each being another's.
    `sharing`: how many slots share the machine's cores.
    """

    gpu: str = ""
    takes: tuple[str, ...] = ANY
    hides: bool = False
    sharing: int = 1

    @property
    def environment(self) -> Mapping[str, str]:
        """What a worker's environment has beside its supervisor's."""
        sees = {"CUDA_VISIBLE_DEVICES": self.gpu} if self.gpu or self.hides else {}
        # Beside what CUDA reads, which may be set where no slot has a GPU: -1 hides them all, and names none.
        return {"LRLAB_SHARING": str(self.sharing), "LRLAB_GPU": self.gpu, **sees}


def slots(at_a_time: int, gpus: tuple[str, ...]) -> tuple[Slot, ...]:
    """The slots of a machine with these GPUs that runs so many at a time on its CPU; those with a GPU come first."""
    sharing = len(gpus) + at_a_time
    if not gpus:
        return (Slot(sharing=sharing),) * at_a_time
    with_gpu = tuple(Slot(gpu, ("auto", "cuda"), sharing=sharing) for gpu in gpus)
    return *with_gpu, *(Slot("", ("cpu", "mps"), hides=True, sharing=sharing),) * at_a_time


def device_of(record: RunRecord) -> str:
    """What a run is to be trained on: what it was begun on, else what its experiment asks for."""
    begun = next((attempt.processor for attempt in record.attempts if attempt.processor), "")
    return begun or record.experiment.device


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that runs may have, as CUDA_VISIBLE_DEVICES names them; where that is set, those that it names.

    They bear the names that never change, so that the next supervisor knows them again, wherever these are sure.
    """
    named, present = os.environ.get("CUDA_VISIBLE_DEVICES"), gpu_ids()
    if named is None:
        return present
    # CUDA leaves out what follows an entry that names no GPU, such as -1.
    kept: list[str] = []
    for entry in (part.strip() for part in named.split(",")):
        if not entry or entry.startswith("-"):
            break
        kept.append(_lasting(entry, present))
    return tuple(dict.fromkeys(kept))


def _lasting(entry: str, present: tuple[str, ...]) -> str:
    """The name that never changes of the GPU that `entry` names; the entry itself where that is not sure."""
    if not entry.isdecimal():
        meant = [name for name in present if name.startswith(entry)]
        return meant[0] if len(meant) == 1 else entry
    # CUDA counts the fastest first unless it is told otherwise, the driver as they sit on the bus.
    alike = len({gpu.name for gpu in look_at_gpus()[0]}) == 1
    counted = alike or os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    return present[int(entry)] if counted and int(entry) < len(present) else entry
