"""What the form offers: nothing that the model refuses, and nothing that would change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.experiments import FIELDS, MODELS, SECTIONS, Experiment
from lrlab.ui.train_offer import offer


def values(**chosen: Any) -> dict[str, Any]:
    """The defaults of every field, some of them chosen otherwise; dots are written as __."""
    given = {name: None if field.optional else field.start for name, field in FIELDS.items()}
    return given | {name.replace("__", "."): value for name, value in chosen.items()}


def test_every_field_is_offered_somewhere():
    chosen = [
        ("small_cnn", values(), None),
        ("resnet18", values(param_groups__by="head"), "min"),
        ("vgg16", values(param_groups__by="depth", clip__by="norm", augment__crop="resized"), "max"),
        ("small_cnn", values(param_groups__by="pattern", early_stopping__monitor="val_loss"), None),
    ]
    seen = set().union(*(offer(*each) for each in chosen))
    assert seen == set(FIELDS) == {field.name for section in SECTIONS for field in section.fields}


@pytest.mark.parametrize(
    ("model", "chosen", "plateau", "hidden"),
    [
        ("small_cnn", {}, None, {"pretrained", "clip.limit", "plateau_metric", "param_groups.decay", "augment.scale"}),
        ("resnet18", {}, None, {"model.dropout", "model.batch_norm"}),
        ("vgg16", {"pretrained": "finetune"}, None, {"init", "model.batch_norm"}),
        ("small_cnn", {"clip__by": "norm"}, None, {"grad_norm"}),
        ("small_cnn", {}, "min", set()),
    ],
)
def test_what_would_be_refused_or_change_nothing_is_not_offered(model, chosen, plateau, hidden):
    offered = offer(model, values(**chosen), plateau)
    assert not hidden & set(offered)
    if plateau:
        assert "plateau_metric" in offered


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pretrained", ["none", "frozen", "finetune"])
def test_any_end_of_what_is_offered_makes_an_experiment(model, pretrained):
    chosen = values(pretrained=pretrained if MODELS[model].weights else "none")
    offered = offer(model, chosen, None)
    for end in ("min", "max"):
        raw: dict[str, Any] = {"dataset": "any", "model": {"name": model}, "pretrained": chosen["pretrained"]}
        raw["image_size"] = int(getattr(offered["image_size"], end))
        for name in ("model.dropout", "param_groups.multiplier"):
            if name in offered:
                part, _, inner = name.partition(".")
                raw.setdefault(part, {})[inner] = getattr(offered[name], end)
        assert Experiment.model_validate(raw).image_size % MODELS[model].multiple == 0


def test_a_frozen_backbone_has_no_groups_of_its_own():
    offered = offer("resnet18", values(pretrained="frozen"), None)
    assert [choice for choice, _ in offered["param_groups.by"].choices] == ["none", "pattern"]


@pytest.mark.parametrize(("mode", "better"), [("min", "loss"), ("max", "accuracy")])
def test_a_plateau_is_offered_what_its_mode_can_watch(mode, better):
    names = [name for name, _ in offer("small_cnn", values(), mode)["plateau_metric"].choices]
    assert names[0] == "auto" and all(name.endswith(better) for name in names[1:]) and len(names) == 3
