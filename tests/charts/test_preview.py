"""One movement of a control in, one answer out: the composer's server side."""

import pytest

from lrlab.charts import PreviewState, preview
from lrlab.schedules import CATALOGUE, Composition

FIRST = PreviewState().model_dump(mode="json")


def state(**schedule):
    return {"composition": {"lr": 0.1, "epochs": 20, "steps_per_epoch": 30, "schedule": schedule}}


def test_the_first_visit_draws_a_decaying_curve():
    answer = preview({})
    assert answer["state"] == FIRST
    assert answer["label"] == "StepLR(step_size=5, gamma=0.5)"
    assert "0.001" in answer["sentences"][0]
    assert [field["name"] for field in answer["controls"]["scheduler"]] == ["step_size", "gamma"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheduler_can_be_chosen_and_its_controls_show_its_values(name):
    answer = preview(FIRST, {"scheduler": name})
    scheduler = answer["state"]["composition"]["schedule"]["scheduler"]
    assert scheduler["name"] == name
    shown = {field["name"]: field["value"] for field in answer["controls"]["scheduler"]}
    assert {key: list(value) if isinstance(value, tuple) else value for key, value in shown.items()} == {
        key: value for key, value in scheduler.items() if key != "name"
    }


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        (state(scheduler={"name": "StepLR", "step_size": 0}), "scheduler.step_size", ("0", "1")),
        (state(scheduler={"name": "StepLR", "step_size": 2, "gamma": -1}), "scheduler.gamma", ("-1", "0")),
        (state(scheduler={"name": "MultiStepLR", "milestones": [9, 3]}), "scheduler.milestones", ("[9, 3]", "[3, 9]")),
        (state(scheduler={"name": "Nothing"}), "scheduler.name", ("Nothing", "StepLR")),
        (state(warmup={"length": 0}), "warmup.length", ("0", "1")),
        ({"composition": {"lr": 0}}, "lr", ("0", "above 0")),
        ({"composition": {"lr": -0.1}}, "lr", ("-0.1", "above 0")),
        ({"composition": {"epochs": 10_000, "steps_per_epoch": 1_000_000}}, "", ("updates", "20,000,000")),
        (state(scheduler={"name": "ExponentialLR", "gamma": 9.0}), "", ("1000", "update")),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field_the_value_and_what_is_allowed(raw, field, words):
    [(where, sentence)] = preview(raw)["errors"]
    assert where == field
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("scheduler", "converted"),
    [
        ({"name": "StepLR", "step_size": 5, "gamma": 0.5}, {"step_size": 150, "gamma": 0.5}),
        ({"name": "MultiStepLR", "milestones": [3, 9]}, {"milestones": [90, 270]}),
        ({"name": "CosineAnnealingLR", "T_max": 20}, {"T_max": 600}),
        ({"name": "LinearLR", "total_iters": 2}, {"total_iters": 60}),
        ({"name": "ExponentialLR", "gamma": 0.5}, {"gamma": 0.5 ** (1 / 30)}),
    ],
)
def test_counting_steps_instead_of_epochs_keeps_the_shape(scheduler, converted):
    answer = preview(state(scheduler=scheduler), {"interval": "step"})
    schedule = answer["state"]["composition"]["schedule"]
    assert schedule["interval"] == "step"
    for name, value in converted.items():
        assert schedule["scheduler"][name] == pytest.approx(value)
    back = preview(answer["state"], {"interval": "epoch"})["state"]["composition"]["schedule"]["scheduler"]
    for name in scheduler.keys() - {"name"}:
        assert back[name] == pytest.approx(scheduler[name])


def test_a_warm_up_changes_its_unit_and_keeps_its_length():
    three_epochs = preview(FIRST, {"warmup": "epoch"})
    assert three_epochs["state"]["composition"]["schedule"]["warmup"]["length"] == 3
    steps = preview(three_epochs["state"], {"warmup": "step"})
    assert steps["state"]["composition"]["schedule"]["warmup"] == {"length": 90, "unit": "step", "start_factor": 0.1}
    assert steps["figure"]["data"][0]["y"] == three_epochs["figure"]["data"][0]["y"]


def test_kept_schedules_keep_their_colour_when_an_earlier_one_goes():
    def kept(*colours):
        one = Composition().model_dump(mode="json")
        return {**FIRST, "kept": [{"composition": one, "colour": colour} for colour in colours]}

    assert preview(kept(0, 1))["next"] == 2
    assert preview(kept(1))["next"] == 0
    assert len(preview(kept(0, 1))["figure"]["data"]) == 3
