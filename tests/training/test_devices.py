"""Which device a run gets, in words."""

from __future__ import annotations

import pytest
import torch

from lrlab.errors import LabError
from lrlab.training import devices
from lrlab.training.devices import choose_device, own_threads, shared_threads


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine of 3 cores without a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(devices, "_cores", lambda: 3)
    return monkeypatch


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_without_a_gpu_the_cpu_trains_on_all_its_cores(machine: pytest.MonkeyPatch, name: str) -> None:
    device = choose_device(name, "small_cnn")
    assert (device.device.type, device.text, device.threads, device.waits) == ("cpu", "CPU, 3 threads", 3, False)
    assert torch.get_num_threads() == 3


def test_one_core_is_one_thread_and_many_have_a_limit(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(devices, "_cores", lambda: 1)
    assert choose_device("auto", "small_cnn").text == "CPU, 1 thread"
    machine.setattr(devices, "_cores", lambda: 96)
    assert choose_device("auto", "small_cnn").threads == devices.MOST_THREADS


@pytest.mark.parametrize(("cores", "runs", "each"), [(8, 1, 8), (8, 2, 4), (8, 3, 2), (2, 3, 1), (96, 2, 16)])
def test_runs_at_a_time_share_the_cores(machine: pytest.MonkeyPatch, cores: int, runs: int, each: int) -> None:
    machine.setattr(devices, "_cores", lambda: cores)
    assert shared_threads(runs) == each
    machine.setenv("LRLAB_SHARING", str(runs))
    assert own_threads() == each


def test_a_run_without_a_supervisor_has_all_cores(machine: pytest.MonkeyPatch) -> None:
    machine.delenv("LRLAB_SHARING", raising=False)
    assert own_threads() == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda", "device: got cuda, but torch sees no NVIDIA GPU on this machine; allowed here: auto, cpu"),
        ("mps", "device: got mps, but torch sees no Apple GPU on this machine; allowed here: auto, cpu"),
    ],
)
def test_a_missing_device_is_named(machine: pytest.MonkeyPatch, name: str, message: str) -> None:
    with pytest.raises(LabError) as caught:
        choose_device(name, "small_cnn")
    assert str(caught.value) == message
    assert caught.value.field == "device"


@pytest.mark.parametrize(
    ("model", "capability", "text", "precision"),
    [
        ("resnet18", (9, 0), "NVIDIA H100 80GB HBM3, bfloat16", "bfloat16"),
        ("resnet18", (7, 5), "NVIDIA H100 80GB HBM3", "float32"),
        ("small_cnn", (9, 0), "NVIDIA H100 80GB HBM3", "float32"),
    ],
)
def test_a_gpu_trains_large_models_in_bfloat16_where_it_has_it(
    machine: pytest.MonkeyPatch, model: str, capability: tuple[int, int], text: str, precision: str
) -> None:
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "get_device_capability", lambda: capability)
    machine.setattr(torch.cuda, "get_device_properties", lambda index: type("", (), {"name": "NVIDIA H100 80GB HBM3"}))
    machine.setattr(torch.backends.cudnn, "benchmark", False)
    device = choose_device("auto", model)
    assert (device.device.type, device.text, device.precision, device.waits) == ("cuda", text, precision, True)


GPUS: dict[str, tuple[str, str, tuple[int, int], str, str]] = {
    # the device, the precision asked for, the capability, what the device computes in, or the refusal
    "H100, bfloat16 for a small model": ("cuda", "bfloat16", (9, 0), "bfloat16", ""),
    "H100, float32 for a large one": ("cuda", "float32", (9, 0), "float32", ""),
    "H100, float16": ("cuda", "float16", (9, 0), "float16", ""),
    "T4, float16": ("cuda", "float16", (7, 5), "float16", ""),
    "T4, bfloat16": (
        "cuda",
        "bfloat16",
        (7, 5),
        "",
        "precision: got bfloat16, but Tesla T4 does not compute in it; allowed there: auto, float32, float16",
    ),
    "Apple, auto": ("mps", "auto", (0, 0), "float32", ""),
    "Apple, bfloat16": ("mps", "bfloat16", (14, 0), "bfloat16", ""),
    "an old Apple, bfloat16": (
        "mps",
        "bfloat16",
        (13, 0),
        "",
        "precision: got bfloat16, but the Apple GPU does not compute in it; allowed there: auto, float32",
    ),
    "Apple, float16": (
        "mps",
        "float16",
        (14, 0),
        "",
        "precision: got float16, but the Apple GPU does not compute in it; allowed there: auto, float32, bfloat16",
    ),
    "CPU, auto": ("cpu", "auto", (0, 0), "float32", ""),
    "CPU, bfloat16": ("cpu", "bfloat16", (0, 0), "bfloat16", ""),
}


@pytest.mark.parametrize("case", GPUS)
def test_the_precision_that_is_asked_for_or_a_refusal(case: str, machine: pytest.MonkeyPatch) -> None:
    kind, precision, version, chosen, refusal = GPUS[case]
    machine.setattr(torch.cuda, "is_available", lambda: kind == "cuda")
    machine.setattr(torch.cuda, "get_device_capability", lambda: version)
    machine.setattr(torch.cuda, "get_device_properties", lambda index: type("", (), {"name": "Tesla T4"}))
    machine.setattr(torch.backends.mps, "is_available", lambda: kind == "mps")
    machine.setattr(torch.backends.mps, "is_macos_or_newer", lambda *asked: version >= asked)
    machine.setattr(torch.backends.cudnn, "benchmark", False)
    model = "resnet18" if precision == "float32" else "small_cnn"
    if refusal:
        with pytest.raises(LabError) as caught:
            choose_device(kind, model, precision)
        assert (str(caught.value), caught.value.field) == (refusal, "precision")
    else:
        assert choose_device(kind, model, precision).precision == chosen


def test_threads_that_were_recorded_are_used_again(machine: pytest.MonkeyPatch) -> None:
    device = choose_device("cpu", "small_cnn", threads=2)
    assert (device.threads, device.text, torch.get_num_threads()) == (2, "CPU, 2 threads", 2)
