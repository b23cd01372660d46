"""A saved model comes back as it was, and needs nothing but its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lrlab.errors import LabError
from lrlab.experiments import Model
from lrlab.training.checkpoints import ModelFacts, load_model, save_model
from lrlab.training.models import build_model

FACTS = ModelFacts(
    model="small_cnn",
    classes=("Brücke", 'a "b"', "2"),
    image_size=24,
    run="d8h4kmnpqr",
    epoch=7,
    val_accuracy=0.8125,
    val_loss=0.1 + 0.2,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "best.safetensors"


def test_weights_and_facts_come_back(path: Path) -> None:
    model = build_model(Model(), 3, 24)
    images = torch.randn(8, 3, 24, 24)
    model(images)  # moves the running means
    save_model(path, model, FACTS)
    loaded, facts = load_model(path)
    assert facts == FACTS
    assert not loaded.training
    assert torch.equal(loaded(images), model.eval()(images))


@pytest.mark.parametrize(
    "asked",
    [
        Model(batch_norm=False, dropout=0.3),
        Model(name="vgg_light", batch_norm=False),
        Model(name="squeezenet1_1", dropout=0.1),
        Model(name="mobilenet_v3_small"),
    ],
    ids=str,
)
def test_a_network_comes_back_as_it_was_asked_for(asked: Model, path: Path) -> None:
    model = build_model(asked, 3, 32).eval()
    settings = {"model": asked.name, "dropout": asked.dropout, "batch_norm": asked.batch_norm, "image_size": 32}
    save_model(path, model, FACTS.model_copy(update=settings))
    loaded, facts = load_model(path)
    images = torch.randn(2, 3, 32, 32)
    assert facts.network == asked
    assert torch.equal(loaded(images), model(images))


def test_the_header_can_be_read_by_others(path: Path) -> None:
    save_model(path, build_model(Model(), 3, 24), FACTS)
    with safe_open(path, framework="np") as file:
        header = file.metadata()
        assert file.get_tensor("head.weight").shape[0] == 3
    assert header["model"] == "small_cnn"
    assert json.loads(header["classes"]) == ["Brücke", 'a "b"', "2"]
    assert {name: json.loads(header[name]) for name in ("mean", "std", "epoch")} == {
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "epoch": 7,
    }


def test_files_of_older_versions_hold_one_number_for_all_channels() -> None:
    told = FACTS.model_dump() | {"mean": 0.5, "std": 0.25}
    assert ModelFacts.model_validate(told).mean == (0.5, 0.5, 0.5)
    assert ModelFacts.model_validate(told).std == (0.25, 0.25, 0.25)


def test_saving_again_replaces_and_leaves_nothing_behind(path: Path) -> None:
    for epoch in range(2):
        save_model(path, build_model(Model(), 3, 24), FACTS.model_copy(update={"epoch": epoch}))
    assert load_model(path)[1].epoch == 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def other_model(path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, path, metadata={"format": "pt"})


def torn(path: Path) -> None:
    save_model(path, build_model(Model(), 3, 24), FACTS)
    path.write_bytes(path.read_bytes()[:-100])


def other_classes(path: Path) -> None:
    save_model(path, build_model(Model(), 4, 24), FACTS)


@pytest.mark.parametrize("make", [other_model, torn, other_classes, lambda path: path.write_bytes(b"no model")])
def test_what_is_no_model_of_lrlab_is_refused(path: Path, make: object) -> None:
    make(path)  # type: ignore[operator]
    with pytest.raises(LabError, match=r"'best\.safetensors' holds no model that lrlab saved"):
        load_model(path)
