"""What runs are given at a time: GPUs found without torch, and the CPU's share as the lab's keeper set it."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from lrlab.jobs import gpus
from lrlab.jobs.slots import ANY, Slot, device_of, slots, visible_gpus
from lrlab.process import identity
from lrlab.runs import Attempt, update


def test_without_gpus_the_machine_is_shared():
    assert slots(1, ()) == (Slot(takes=ANY),)
    assert slots(3, ()) == (Slot(sharing=3),) * 3
    assert "CUDA_VISIBLE_DEVICES" not in Slot().environment  # torch sees what there is


@pytest.mark.parametrize(("at_a_time", "gpus", "sharing"), [(1, 0, "1"), (3, 0, "3"), (1, 8, "9"), (2, 1, "3")])
def test_all_slots_share_the_cores(at_a_time, gpus, sharing):
    made = slots(at_a_time, tuple(f"GPU-{number}" for number in range(gpus)))
    assert len(made) == int(sharing)
    assert {slot.environment["LRLAB_SHARING"] for slot in made} == {sharing}


def test_each_gpu_is_a_slot_and_the_cpu_has_its_own():
    first, second, on_cpu = slots(1, ("GPU-a", "GPU-b"))
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in (first, second, on_cpu)] == ["GPU-a", "GPU-b", ""]
    assert [slot.environment["LRLAB_GPU"] for slot in (first, second, on_cpu)] == ["GPU-a", "GPU-b", ""]
    assert set(first.takes) | set(on_cpu.takes) == set(ANY) and not set(first.takes) & set(on_cpu.takes)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("", ()),
        ("-1", ()),
        ("0", ("0",)),
        ("1,0", ("1", "0")),
        ("GPU-8f, MIG-3", ("GPU-8f", "MIG-3")),
        ("0,-1,1", ("0",)),
        ("0,0", ("0",)),
    ],
)
def test_what_a_person_made_visible_is_what_runs_may_have(monkeypatch, named, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    monkeypatch.setattr("lrlab.jobs.slots.gpu_ids", lambda: ())
    assert visible_gpus() == expected


@pytest.mark.parametrize(
    ("named", "order", "names", "expected"),
    [
        ("1,0", "", "HH", ("GPU-bcd", "GPU-abc")),
        ("0,7", "", "HH", ("GPU-abc", "7")),
        ("0", "", "HT", ("0",)),  # the fastest, and which that is only CUDA knows
        ("1", "PCI_BUS_ID", "HT", ("GPU-bcd",)),
        ("GPU-b", "", "HT", ("GPU-bcd",)),
        ("GPU-", "", "HT", ("GPU-",)),
        ("0,GPU-a", "", "HH", ("GPU-abc",)),
    ],
)
def test_one_gpu_has_one_name_however_it_was_made_visible(monkeypatch, named, order, names, expected):
    """A supervisor knows the GPU of a worker that one before it started."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", order)
    monkeypatch.setattr("lrlab.jobs.slots.gpu_ids", lambda: ("GPU-abc", "GPU-bcd"))
    present = [gpus.Gpu(name, None, None, None) for name in names]
    monkeypatch.setattr("lrlab.jobs.slots.look_at_gpus", lambda: (present, ""))
    assert visible_gpus() == expected


class NVMLError(Exception):
    pass


class DriverNotLoaded(NVMLError):
    pass


def nvml(uuids, *, fails=False):
    """A stand-in for NVIDIA's package on a machine with these GPUs."""

    def init():
        if fails:
            raise DriverNotLoaded

    return SimpleNamespace(
        NVMLError=NVMLError,
        NVMLError_DriverNotLoaded=DriverNotLoaded,
        NVMLError_LibraryNotFound=DriverNotLoaded,
        nvmlInit=init,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: len(uuids),
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetUUID=lambda number: uuids[number],
    )


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (nvml([]), ()),
        (nvml(["GPU-a"], fails=True), ()),
        (nvml(["GPU-a", b"GPU-b"]), ("GPU-a", "GPU-b")),
    ],
    ids=["no GPU", "no driver", "two GPUs"],
)
def test_gpus_are_found_through_nvml(monkeypatch, package, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", package)
    gpus._opened.cache_clear()
    assert visible_gpus() == expected
    gpus._opened.cache_clear()


def test_no_torch_is_needed():
    program = "import sys; from lrlab.jobs.slots import visible_gpus; visible_gpus(); print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_a_run_goes_on_where_it_was_begun(make_run):
    run = make_run()
    assert device_of(run.record) == "auto"
    begun = Attempt(number=1, started=1.0, identity=identity(), host="here", processor="cpu")
    assert device_of(update(run, attempts=(begun,))) == "cpu"
