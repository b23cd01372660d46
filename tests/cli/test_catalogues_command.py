"""`models`, `optimizers` and `schedulers` list every entry, and show each one with all that can be set."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from lrlab.experiments import MODELS, OPTIMIZERS
from lrlab.schedules import CATALOGUE

from .conftest import Lrlab

LISTS = {"models": MODELS, "optimizers": OPTIMIZERS, "schedulers": CATALOGUE}
PARAMETERS = [
    *(("optimizers", entry.name, parameter.name) for entry in OPTIMIZERS.values() for parameter in entry.parameters),
    *(("schedulers", entry.name, parameter.name) for entry in CATALOGUE.values() for parameter in entry.parameters),
]


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("command", LISTS)
def test_every_entry_is_listed_with_its_line(lrlab: Lrlab, command: str) -> None:
    rows = lrlab(command).out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(LISTS[command])
    for row, entry in zip(rows, LISTS[command].values(), strict=True):
        assert row.endswith(entry.line)
    assert [entry["name"] for entry in lrlab(command, "--json").json] == list(LISTS[command])


@pytest.mark.parametrize(("command", "name"), sorted({(command, name) for command, name, _ in PARAMETERS}))
def test_an_entry_shows_all_its_parameters(lrlab: Lrlab, command: str, name: str) -> None:
    entry = LISTS[command][name]
    text = words(lrlab(command, name).out)
    assert f"{name}: {entry.line} {entry.when}" in text
    for parameter in entry.parameters:  # type: ignore[attr-defined]
        assert f" {parameter.name} (at first " in text
        assert words(parameter.help) in text
    told = lrlab(command, name, "--json").json
    assert [parameter["name"] for parameter in told["parameters"]] == [one.name for one in entry.parameters]  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", LISTS)
def test_an_unknown_name_is_refused_with_those_there_are(lrlab: Lrlab, command: str) -> None:
    done = lrlab(command, "Nothing")
    assert done.code == 2
    assert done.err == f"error: name: got 'Nothing', allowed: {', '.join(LISTS[command])}\n"


def test_a_model_as_a_table_of_layers(lrlab: Lrlab) -> None:
    out = lrlab("models", "vgg16", "--classes", 4, "--image-size", 224).out
    rows = [line.split() for line in out.splitlines()]
    assert ["features.0", "Conv2d", "3x3", "64", "x", "224", "x", "224", "1,792", "86,704,128"] in rows
    assert ["classifier.6", "Linear", "4", "16,388", "16,384"] in rows
    # 15,346,630,656 of the convolutions, 25,088 x 4096 + 4096 x 4096 + 4096 x 4 of the linear layers.
    assert ["total", "134,276,932", "15,466,184,704"] in rows
    assert "For 4 classes on pictures of 224 px." in words(out)
    assert "pretrained: none, frozen or finetune" in out


def test_a_model_as_json_and_as_a_drawing(lrlab: Lrlab, tmp_path: Path) -> None:
    file = tmp_path / "net.svg"
    told = lrlab("models", "resnet18", "--classes", 4, "--batch-size", 8, "--json", "--diagram", file).json
    assert told["name"] == "resnet18"
    assert told["summary"]["parameters"] == 11_178_564
    # Weights, gradients and Adam's two states, and what eight pictures leave.
    assert told["training_bytes"] == 16 * 11_178_564 + 8 * told["summary"]["activations"]
    assert ElementTree.parse(file).getroot().attrib["aria-label"].startswith("ResNet-18: a picture of 64 px")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["vgg16", "--image-size", 20], "image_size: got 20, allowed with vgg16: at least 32"),
        (["vit_b_16", "--image-size", 100], "a multiple of 16"),
        (["small_cnn", "--classes", 0], "--classes: got 0, allowed: 1 to 10,000"),
        (["small_cnn", "--batch-size", 0], "batch_size"),
        (["--diagram", "x.svg"], "--diagram: needs the NAME"),
    ],
)
def test_nonsense_is_refused(lrlab: Lrlab, arguments: list[object], reason: str) -> None:
    done = lrlab("models", *arguments)
    assert done.code == 2
    assert reason in done.err


def test_whether_weights_are_here_is_told(lrlab: Lrlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / MODELS["resnet18"].weights_file).touch()
    rows = {row.split()[0]: row for row in lrlab("models").out.splitlines()}
    assert "yes, on this machine" in rows["resnet18"]
    assert "yes, to be fetched" in rows["resnet34"]
    assert " no " in rows["vgg_light"]
