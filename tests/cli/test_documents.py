"""--set changes an experiment as a person means it, whichever way the settings are ordered."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.cli.documents import changed
from lrlab.errors import LabError

STEP_LR = {
    "dataset": "coffee",
    "optimizer": {"name": "Adam", "lr": 0.01, "betas": [0.9, 0.99]},
    "schedule": {"interval": "epoch", "scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}},
}

CASES: dict[str, tuple[list[str], dict[str, Any], list[str]]] = {
    # what is set; the settings that come out changed; the remarks
    "a number": (["epochs=3"], {"epochs": 3}, []),
    "a dotted key": (["optimizer.lr=1e-3"], {"optimizer.lr": 0.001}, []),
    "text": (["device=cpu"], {"device": "cpu"}, []),
    "text with an equals sign": (["name=a=b"], {"name": "a=b"}, []),
    "a name that looks like a number": (["name=12", "dataset=2024"], {"name": "12", "dataset": "2024"}, []),
    "a name in quotes": (['name="12"'], {"name": "12"}, []),
    "nothing": (["name="], {"name": ""}, []),
    "an object that was not there": (["validation.fraction=0.3"], {"validation": {"fraction": 0.3}}, []),
    "the last of two": (["epochs=3", "epochs=4"], {"epochs": 4}, []),
    "a list": (["optimizer.betas=[0.8, 0.9]"], {"optimizer.betas": [0.8, 0.9]}, []),
    "null, then below it": (
        ["schedule.warmup=null", "schedule.warmup.length=2"], {"schedule.warmup": {"length": 2}}, [],
    ),
    "another scheduler": (
        ["schedule.scheduler.name=Fixed"],
        {"schedule.scheduler": {"name": "Fixed"}},
        ["schedule.scheduler.name is now Fixed; dropped what belonged to StepLR: step_size, gamma"],
    ),
    "another scheduler with its parameter first": (
        ["schedule.scheduler.gamma=0.9", "schedule.scheduler.name=ExponentialLR"],
        {"schedule.scheduler": {"name": "ExponentialLR", "gamma": 0.9}},
        ["schedule.scheduler.name is now ExponentialLR; dropped what belonged to StepLR: step_size, gamma"],
    ),
    "another optimiser keeps the LR": (
        ["optimizer.name=SGD", "optimizer.momentum=0.5"],
        {"optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.5}},
        ["optimizer.name is now SGD; dropped what belonged to Adam: betas"],
    ),
    "the same name drops nothing": (["schedule.scheduler.name=StepLR"], {}, []),
    "the name of the run is no kind": (["name=other"], {"name": "other"}, []),
    "a whole scheduler": (
        ['schedule.scheduler={"name": "Fixed"}'], {"schedule.scheduler": {"name": "Fixed"}}, [],
    ),
}  # fmt: skip


def put(document: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        document = document[parent]
    document[last] = value


@pytest.mark.parametrize("case", CASES)
def test_set(case: str) -> None:
    settings, expected, remarks = CASES[case]
    whole, _ = changed(STEP_LR, [])
    assert whole == STEP_LR
    for key, value in expected.items():
        put(whole, key, value)
    before = repr(STEP_LR)
    assert changed(STEP_LR, settings) == (whole, remarks)
    assert repr(STEP_LR) == before, "the document that was given must stay as it is"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs", "--set: got 'epochs', allowed: key=value"),
        ("=3", "--set: got '=3', allowed: key=value"),
        ("optimizer..lr=3", "--set: got 'optimizer..lr=3', allowed: key=value"),
        ("dataset.name=x", "--set dataset.name: dataset is 'coffee', which holds no settings"),
        ("optimizer.lr.x=1", "--set optimizer.lr.x: optimizer.lr is 0.01, which holds no settings"),
    ],
)
def test_what_cannot_be_set(setting: str, message: str) -> None:
    with pytest.raises(LabError) as caught:
        changed(STEP_LR, [setting])
    assert str(caught.value).startswith(message)


def test_only_an_object_can_be_changed() -> None:
    with pytest.raises(LabError, match="the experiment: got 3, allowed: an object"):
        changed(3, [])
