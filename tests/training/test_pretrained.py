"""Pretrained weights: found where torch keeps them, loaded beside a new last layer, frozen; plain words without."""

from __future__ import annotations

import hashlib
import io
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision.models
from torch import nn
from torchvision.models import get_model_weights

from lrlab.errors import LabError
from lrlab.experiments import MODELS, Experiment, Model, check_weights, weights_path, weights_present
from lrlab.experiments import weights as fetching
from lrlab.experiments.weights import fetch_weights
from lrlab.training.models import NETWORKS, build_model, ensure_weights, within
from lrlab.training.optimizers import build_optimizer

WITH_WEIGHTS = [name for name, entry in MODELS.items() if entry.weights]
SMALL = ("resnet18", "mobilenet_v3_small", "efficientnet_b0", "squeezenet1_1")
"""Those whose file is written in a moment."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch's own empty cache, and no internet."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def unreachable(*args: Any, **options: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    monkeypatch.setattr("lrlab.experiments.weights.urlopen", unreachable)
    return tmp_path


def made_on_the_spot(name: str) -> dict[str, torch.Tensor]:
    """Weights of torchvision's own network with its 1000 classes, written where torch looks for them."""
    torch.manual_seed(9)
    weights: dict[str, torch.Tensor] = torchvision.models.get_model(name, weights=None).state_dict()
    path = weights_path(name)
    path.parent.mkdir(parents=True)
    torch.save(weights, path)
    return weights


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_the_file_is_torchvisions(name: str, cache: Path) -> None:
    address = str(get_model_weights(name).DEFAULT.url)
    assert address == f"https://download.pytorch.org/models/{MODELS[name].weights_file}"
    assert weights_path(name) == cache / "hub" / "checkpoints" / address.rsplit("/", 1)[1]
    assert weights_path(name).parent == Path(torch.hub.get_dir()) / "checkpoints"


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"TORCH_HOME": "/a"}, "/a/hub/checkpoints"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/torch/hub/checkpoints"),
        ({"TORCH_HOME": "/a", "XDG_CACHE_HOME": "/b"}, "/a/hub/checkpoints"),
        ({"HOME": "/c"}, "/c/.cache/torch/hub/checkpoints"),
    ],
)
def test_the_folder_is_the_one_where_torch_looks(
    variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert weights_path("resnet18").parent == Path(folder) == Path(torch.hub.get_dir()) / "checkpoints"


@pytest.mark.parametrize("deed", [check_weights, ensure_weights])
def test_without_file_and_internet_it_is_said_what_to_do(deed: Any, cache: Path) -> None:
    assert not weights_present("resnet18")
    with pytest.raises(LabError) as caught:
        deed("resnet18")
    assert caught.value.field == "pretrained"
    for part in (
        "pretrained: the weights of resnet18 are not on this machine",
        "cannot be reached",
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        str(cache / "hub" / "checkpoints"),
    ):
        assert part in str(caught.value)


def test_with_the_file_nothing_is_fetched() -> None:
    made_on_the_spot("resnet18")
    assert weights_present("resnet18")
    check_weights("resnet18")
    ensure_weights("resnet18")


def test_another_torchvision_that_names_another_file_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_model_weights("resnet18").DEFAULT.value, "url", f"{fetching.ADDRESS}resnet18-00000000.pth")
    weights = made_on_the_spot("resnet18")
    found = ensure_weights("resnet18")
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[key], weights[key]) for key in weights)


@pytest.mark.parametrize("name", SMALL)
def test_all_but_the_last_layer_are_the_files(name: str) -> None:
    weights = made_on_the_spot(name)
    torch.manual_seed(1)
    model = build_model(Model(name=name), 3, 32, pretrained="finetune")
    last = NETWORKS[name].last
    for key, value in model.state_dict().items():
        if within(key, (last,)):
            assert value.shape[0] == 3
        else:
            assert torch.equal(value, weights[key]), key
    assert all(parameter.requires_grad for parameter in model.parameters())
    # The last layer begins as it does without pretrained weights, from the same seed.
    torch.manual_seed(1)
    fresh = build_model(Model(name=name), 3, 32).state_dict()
    assert all(torch.equal(value, fresh[key]) for key, value in model.state_dict().items() if within(key, (last,)))


@pytest.mark.parametrize("name", SMALL)
def test_a_frozen_backbone_stays_as_it_is_while_the_head_learns(name: str) -> None:
    made_on_the_spot(name)
    experiment = Experiment.model_validate(
        {
            "dataset": "d",
            "model": {"name": name},
            "pretrained": "frozen",
            "image_size": 32,
            "optimizer": {"lr": 0.1, "name": "SGD"},
        }
    )
    model = build_model(experiment.model, 3, 32, pretrained="frozen")
    head = NETWORKS[name].head
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = build_optimizer(experiment, model)
    model.train()
    images = torch.randn(4, 3, 32, 32)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), torch.arange(4) % 3).backward()
        optimizer.step()
    moved = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert moved
    assert all(within(key, head) for key in moved)
    learns = {key for key, parameter in model.named_parameters() if parameter.grad is not None}
    assert learns == {key for key, _ in model.named_parameters() if within(key, head)}


def test_a_frozen_backbone_computes_as_in_evaluation() -> None:
    """Batch norm with the file's statistics, nothing dropped: two passes of training give the same features."""
    made_on_the_spot("efficientnet_b0")
    model = build_model(Model(name="efficientnet_b0"), 3, 32, pretrained="frozen")
    images = torch.randn(4, 3, 32, 32)
    features = model.get_submodule("features")
    model.train()
    trained = features(images)
    assert torch.equal(features(images), trained)
    model.eval()
    assert torch.equal(features(images), trained)
    model.train()
    assert any(isinstance(module, nn.Dropout) and module.training for module in model.get_submodule("classifier"))


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04 cut off"])
def test_a_broken_file_is_named(content: bytes) -> None:
    path = weights_path("resnet18")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(LabError, match=r"resnet18-f37072fd.pth holds no weights, where those of resnet18") as caught:
        build_model(Model(name="resnet18"), 3, 32, pretrained="finetune")
    assert caught.value.field == "pretrained"


def test_weights_of_another_network_are_refused() -> None:
    made_on_the_spot("squeezenet1_1")
    weights_path("squeezenet1_1").rename(weights_path("resnet18"))
    with pytest.raises(
        LabError, match="holds the weights of another network, where those of resnet18 should be; delete"
    ):
        build_model(Model(name="resnet18"), 3, 32, pretrained="finetune")


@pytest.fixture
def on_the_net(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], list[str]]:
    """`on_the_net(content)`: whatever address is asked for has this; which were."""

    class Answer(io.BytesIO):
        headers: Message

    def put(content: bytes) -> list[str]:
        asked: list[str] = []

        def answer(address: str, timeout: float) -> Answer:
            asked.append(address)
            found = Answer(content)
            found.headers = Message()
            found.headers["Content-Length"] = str(len(content))
            return found

        monkeypatch.setattr(fetching, "urlopen", answer)
        return asked

    return put


def test_a_download_that_went_wrong_is_told_apart_from_a_broken_file(
    on_the_net: Callable[[bytes], list[str]],
) -> None:
    on_the_net(b"oops")
    with pytest.raises(
        LabError, match=r"what was fetched for resnet18 is not what torchvision names: its checksum is d13f2ead"
    ) as caught:
        ensure_weights("resnet18")
    assert caught.value.field == "pretrained"
    assert list(weights_path("resnet18").parent.iterdir()) == []


def test_whoever_fetches_says_how_far_it_is_and_may_stop(
    on_the_net: Callable[[bytes], list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 10_000  # 2.4 MB
    path = tmp_path / "fetched" / f"net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setattr(fetching, "weights_path", lambda name: path)
    asked, said = on_the_net(content), []

    class Stop(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        fetch_weights("resnet18", stop)
    assert list(path.parent.iterdir()) == []
    fetch_weights("resnet18", lambda what, done, total: said.append((done, total)))
    assert said == [(1, 2), (2, 2), (2, 2)]
    assert path.read_bytes() == content
    fetch_weights("resnet18", stop)  # it is there
    assert asked == [f"https://download.pytorch.org/models/{path.name}"] * 2
