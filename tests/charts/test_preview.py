"""One request of the composer in, one answer out: what is shown for a state, and what is refused."""

import base64
import json
import tracemalloc

import numpy as np
import pytest

from lrlab.charts import PreviewState, composer_data, preview
from lrlab.schedules import CATALOGUE, RECIPES, Composition

STEP = {"name": "StepLR", "step_size": 5}
FIRST = PreviewState().model_dump(mode="json")


def state(**schedule):
    return {"composition": {"lr": 0.1, "epochs": 20, "steps_per_epoch": 30, "schedule": schedule}}


def put(**values):
    """The changes that set these fields, "scheduler__gamma" being scheduler.gamma."""
    return [{"op": "set", "field": field.replace("__", "."), "value": value} for field, value in values.items()]


def asked(*changes, raw=FIRST):
    """The answer, as the browser gets it."""
    answer = json.loads(json.dumps(preview(raw, changes)))
    assert "errors" not in answer, answer["errors"]
    return answer


def decoded(packed):
    return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=packed["dtype"]).astype(float)


def shown(node):
    return {control["field"].rpartition(".")[2]: control["value"] for control in node["controls"]}


def test_the_first_visit_draws_a_decaying_curve_and_nothing_more():
    answer = asked(raw={})
    assert answer["state"] == FIRST
    assert answer["label"] == "StepLR(step_size=5, gamma=0.5)"
    assert "0.001" in answer["sentences"][0]
    form = answer["form"]
    assert shown(form["scheduler"]) == {"step_size": 5, "gamma": 0.5}
    assert (form["groups"], form["metric"], form["recipe"], form["warmup"]) == ([], None, None, [])
    assert (answer["checks"], answer["kept"], answer["cuts"], answer["tall"]) == ([], [], [], False)
    assert len(answer["figure"]["data"]) == 1


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheduler_can_be_chosen_and_its_controls_show_its_values(name):
    answer = asked({"op": "choose", "name": name})
    scheduler = answer["state"]["composition"]["schedule"]["scheduler"]
    assert scheduler["name"] == name
    for field, value in shown(answer["form"]["scheduler"]).items():
        assert scheduler[field] == value
    assert [family for family in composer_data(PreviewState())["catalogue"]["families"] if name in str(family)]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_chosen_and_its_controls_move_it(name):
    answer = asked({"op": "recipe", "name": name})
    assert answer["state"]["recipe"] == {"name": name, "values": {}}
    assert answer["label"] == RECIPES[name].title
    assert answer["form"]["scheduler"] is None
    control = next(one for one in answer["form"]["recipe"]["controls"] if one["kind"] in ("float", "length"))
    value = control["max"] if control["value"] != control["max"] else control["min"]
    moved = asked({"op": "set", "field": control["field"], "value": value}, raw=answer["state"])
    assert moved["state"]["recipe"]["values"] == {control["field"].removeprefix("recipe."): value}
    assert moved["figure"]["data"][-1]["y"] != answer["figure"]["data"][-1]["y"]


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        (state(scheduler={"name": "StepLR", "step_size": 0}), "scheduler.step_size", ("0", "1")),
        (state(scheduler={"name": "StepLR", "step_size": 2, "gamma": -1}), "scheduler.gamma", ("-1", "0")),
        (state(scheduler={"name": "MultiStepLR", "milestones": [9, 3]}), "scheduler.milestones", ("[9, 3]", "[3, 9]")),
        (state(scheduler={"name": "Nothing"}), "scheduler.name", ("Nothing", "StepLR")),
        (
            state(scheduler={"name": "ChainedScheduler", "schedulers": [{"name": "Fixed"}, {**STEP, "step_size": 0}]}),
            "scheduler.schedulers.1.step_size", ("0", "1"),
        ),
        (
            state(scheduler={"name": "SequentialLR", "milestones": [9, 3], "schedulers": [{"name": "Fixed"}] * 3}),
            "scheduler.milestones", ("[9, 3]", "[3, 9]"),
        ),
        (state(scheduler={"name": "LambdaLR", "formula": "2 **"}), "scheduler.formula", ("2 **",)),
        (state(scheduler={"name": "LambdaLR", "formula": "1 / epoch"}), "scheduler.formula", ("by zero", "epoch 0")),
        (state(scheduler={"name": "ReduceLROnPlateau", "factor": 1}), "scheduler.factor", ("below 1",)),
        (state(warmup={"length": 0}), "warmup.length", ("0", "1")),
        ({"composition": {"lr": 0}}, "lr", ("0", "above 0")),
        ({"composition": {"lr": -0.1}}, "lr", ("-0.1", "above 0")),
        ({"composition": {"groups": [{"name": "", "multiplier": 1}]}}, "groups.0.name", ("1 or more",)),
        ({"composition": {"epochs": 10_000, "steps_per_epoch": 1_000_000}}, "", ("updates", "20,000,000")),
        (state(scheduler={"name": "ExponentialLR", "gamma": 9.0}), "", ("1000", "update")),
        ({"recipe": {"name": "nothing"}}, "recipe.name", ("nothing", "warmup-cosine")),
        ({"recipe": {"name": "warmup-cosine", "values": {"warmup": -1}}}, "recipe.warmup", ("-1", "0")),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field_the_value_and_what_is_allowed(raw, field, words):
    [(where, sentence)] = preview(raw)["errors"]
    assert where == field
    assert all(word in sentence for word in words), sentence


def test_a_refused_curve_offers_its_repair():
    cycle = {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 12}
    refused = preview(state(scheduler=cycle))
    assert refused["errors"][0][0] == "scheduler.total_steps"
    [check] = refused["checks"]
    repaired = asked({"op": "compose", "composition": check["repair"]["composition"]})
    assert repaired["state"]["composition"]["schedule"]["scheduler"]["total_steps"] == 20


def test_a_length_is_shown_in_every_unit_and_a_nest_in_every_phase():
    answer = asked({"op": "choose", "name": "LinearLR"}, {"op": "set", "field": "scheduler.total_iters", "value": 3},
                   {"op": "choose", "name": "SequentialLR"})  # fmt: skip
    first, second = answer["form"]["scheduler"]["phases"]
    assert first["node"]["controls"][2]["note"] == "3 epochs = 90 steps = 15 %"
    assert (first["span"], second["span"]) == ("epochs 0 to 3", "epochs 3 to 20")
    assert (first["milestone"], second["milestone"]["field"]) == (None, "scheduler.milestones.0")
    assert (first["up"], first["down"], second["up"], second["down"]) == (False, True, True, False)
    assert first["node"]["barred"] == ["ReduceLROnPlateau"]
    assert second["node"]["barred"] == ["ReduceLROnPlateau", "SequentialLR", "ChainedScheduler"]
    assert [shape["x0"] for shape in answer["figure"]["layout"]["shapes"]] == [3]


def test_only_controls_that_do_something_are_shown():
    cyclic = asked({"op": "choose", "name": "CyclicLR"})
    assert {"base_momentum", "max_momentum"} <= shown(cyclic["form"]["scheduler"]).keys()
    still = asked({"op": "set", "field": "scheduler.cycle_momentum", "value": False}, raw=cyclic["state"])
    assert not {"base_momentum", "max_momentum", "gamma"} & shown(still["form"]["scheduler"]).keys()
    assert cyclic["tall"] and not still["tall"]  # the momentum's own panel


def test_every_group_has_a_line_of_its_own():
    answer = asked({"op": "add_group"}, {"op": "set", "field": "groups.1.name", "value": "<b>%{x}</b>"})
    head, odd, base = answer["figure"]["data"]
    drops = [1e-3, 5e-4, 2.5e-4, 1.25e-4]
    for line, multiplier in ((base, 1), (head, 1), (odd, 0.1)):
        heights = np.unique(decoded(line["y"]))[::-1]
        assert heights == pytest.approx([multiplier * lr for lr in drops], rel=1e-6)
    assert len({head["line"]["dash"], odd["line"]["dash"], base["line"]["dash"]}) == 3
    # a name is only text: neither markup nor one of Plotly's own templates
    assert odd["name"] == "&lt;b&gt;%{x}&lt;/b&gt;"
    assert "%{x}" not in odd["hovertemplate"].partition("<extra>")[2]


def test_many_groups_of_a_long_run_take_no_more_memory_than_two():
    """Of each group's curve only what is drawn is left before the next is made."""

    def peak(groups):
        raw = state(scheduler={"name": "CosineAnnealingLR", "T_max": 150_000}, interval="step")
        raw["composition"] |= {"epochs": 1000, "steps_per_epoch": 150}
        raw["composition"]["groups"] = [{"name": str(n), "multiplier": 0.1 * (n + 1)} for n in range(groups)]
        tracemalloc.start()
        try:
            assert len(preview(raw)["figure"]["data"]) == groups + 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    one_curve = 8 * 150_000
    assert peak(20) < peak(2) + one_curve


def test_a_plateau_is_drawn_with_its_metric_and_its_cuts():
    answer = asked({"op": "choose", "name": "ReduceLROnPlateau"}, *put(metric__noise=0.0, metric__floor=2.0, epochs=8))
    # A loss that stays at 2: epoch 0 is the best, then a cut after every third bad epoch (patience 2), 3 and 6.
    assert answer["cuts"] == [
        "After epoch 3: not below 2 for 3 epochs in a row (patience 2): LR 0.001 → 5e-4.",
        "After epoch 6: not below 2 for 3 epochs in a row (patience 2): LR 5e-4 → 2.5e-4.",
    ]
    shapes = answer["figure"]["layout"]["shapes"]
    assert [shape["x0"] for shape in shapes if shape["name"] == "cut"] == [4, 7]
    by_name = {trace["name"]: trace for trace in answer["figure"]["data"]}
    assert by_name["bad"]["text"] == ["1", "2", "3", "1", "2", "3", "1"]
    assert decoded(by_name["limit"]["y"])[1:] == pytest.approx([2 * (1 - 1e-4)] * 7)


def test_a_cooldown_is_shaded_and_a_cut_that_changes_nothing_is_explained():
    answer = asked(
        {"op": "choose", "name": "ReduceLROnPlateau"},
        *put(metric__noise=0.0, metric__floor=2.0, epochs=6),
        *put(scheduler__patience=0, scheduler__cooldown=2, scheduler__min_lr=0.001),
    )
    assert answer["cuts"][0] == (
        "After epoch 1: not below 2 for 1 epoch (patience 0), but the LR stays at 0.001: min_lr is reached."
    )
    rests = [(shape["x0"], shape["x1"]) for shape in answer["figure"]["layout"]["shapes"] if shape["name"] == "rest"]
    assert rests == [(2, 4), (5, 6)]


def test_kept_schedules_keep_their_colour_when_an_earlier_one_goes():
    def kept(*colours):
        one = Composition().model_dump(mode="json")
        return {**FIRST, "kept": [{"composition": one, "colour": colour} for colour in colours]}

    assert PreviewState.model_validate(kept(0, 1)).next_colour == 2
    assert PreviewState.model_validate(kept(1)).next_colour == 0
    assert len(asked(raw=kept(0, 1))["figure"]["data"]) == 3


def test_kept_schedules_are_measured():
    answer = asked({"op": "keep"}, {"op": "choose", "name": "Fixed"})
    # 600 updates at 0.001; 150 each at 1, 1/2, 1/4 and 1/8 of it, of which only the first are above half.
    assert [row["measures"] for row in answer["kept"]] == [["0.6", "100 %", "1"], ["0.281", "25 %", "0.125"]]


def test_a_kept_plateau_whose_run_is_gone_is_listed_and_not_drawn(home):
    gone = Composition.model_validate(
        {"schedule": {"scheduler": {"name": "ReduceLROnPlateau"}}, "metric": {"kind": "logged", "run": "r" * 12}}
    )
    raw = {**FIRST, "kept": [{"composition": gone.model_dump(mode="json"), "colour": 1}]}
    answer = asked(raw=raw)
    assert len(answer["figure"]["data"]) == 1
    assert answer["kept"][1]["measures"] == ["", "", ""]
