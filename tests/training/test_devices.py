"""Which device a run gets, in words."""

from __future__ import annotations

import pytest
import torch

from lrlab.errors import LabError
from lrlab.training import devices
from lrlab.training.devices import choose_device


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
