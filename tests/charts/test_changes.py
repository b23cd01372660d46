"""What may be done in the composer, one table of deeds: the state before, the deed, and what it leads to."""

import pytest
from pydantic import ValidationError

from lrlab.charts.composer.changes import changed
from lrlab.errors import LabError
from lrlab.schedules import Composition, ScheduleSpec

RISE = {"name": "LinearLR", "start_factor": 0.1, "end_factor": 1.0, "total_iters": 3}
STEPS = {"name": "StepLR", "step_size": 5, "gamma": 0.5}
COSINE = {"name": "CosineAnnealingLR", "T_max": 17, "eta_min": 0.0}
FIXED = {"name": "Fixed"}
TABLE = {"name": "LambdaLR", "table": {"points": [[0, 1.0], [10, 0.5], [20, 0.1]]}}


def sequence(*schedulers, milestones):
    return {"name": "SequentialLR", "schedulers": list(schedulers), "milestones": list(milestones)}


def chain(*schedulers):
    return {"name": "ChainedScheduler", "schedulers": list(schedulers)}


def state(scheduler=STEPS, **composition):
    interval = composition.pop("interval", "epoch")
    warmup = composition.pop("warmup", None)
    schedule = {"interval": interval, "scheduler": scheduler, "warmup": warmup}
    return {"composition": {"lr": 0.1, "epochs": 20, "steps_per_epoch": 30, "schedule": schedule, **composition}}


def plain(scheduler):
    """The scheduler as JSON, with every default in it."""
    return ScheduleSpec.model_validate({"scheduler": scheduler}).model_dump(mode="json")["scheduler"]


def after(*changes, raw):
    return changed(raw, changes).model_dump(mode="json")["composition"]


@pytest.mark.parametrize(
    ("before", "change", "wanted"),
    [
        # What was composed becomes the first phase, for as long as it has something to do.
        (RISE, {"op": "choose", "name": "SequentialLR"}, sequence(RISE, {**COSINE, "eta_min": 1e-3}, milestones=[3])),
        (
            STEPS, {"op": "choose", "name": "SequentialLR"},
            sequence(STEPS, {"name": "CosineAnnealingLR", "T_max": 10, "eta_min": 1e-3}, milestones=[10]),
        ),
        (STEPS, {"op": "choose", "name": "ChainedScheduler"}, chain(STEPS, RISE)),
        (chain(STEPS, RISE), {"op": "choose", "name": "SequentialLR"}, sequence(STEPS, RISE, milestones=[10])),
        (sequence(STEPS, RISE, milestones=[4]), {"op": "choose", "name": "ChainedScheduler"}, chain(STEPS, RISE)),
        # In its place a scheduler gets values for the calls that it has there.
        (
            sequence(RISE, STEPS, milestones=[4]), {"op": "choose", "at": [1], "name": "CosineAnnealingLR"},
            sequence(RISE, {"name": "CosineAnnealingLR", "T_max": 16, "eta_min": 1e-3}, milestones=[4]),
        ),
        (
            sequence(chain(STEPS, FIXED), RISE, milestones=[8]), {"op": "choose", "at": [0, 1], "name": "LinearLR"},
            sequence(
                chain(STEPS, {"name": "LinearLR", "start_factor": 1.0, "end_factor": 0.0, "total_iters": 8}),
                RISE, milestones=[8],
            ),
        ),
        (
            sequence(RISE, COSINE, milestones=[4]), {"op": "add"},
            sequence(RISE, COSINE, {"name": "CosineAnnealingLR", "T_max": 8, "eta_min": 1e-3}, milestones=[4, 12]),
        ),
        (chain(STEPS), {"op": "add"}, chain(STEPS, RISE)),
        # The next phase takes over the time of one that goes.
        (
            sequence(RISE, STEPS, COSINE, milestones=[3, 10]), {"op": "remove", "place": 0},
            sequence(STEPS, COSINE, milestones=[10]),
        ),
        (
            sequence(RISE, STEPS, COSINE, milestones=[3, 10]), {"op": "remove", "place": 1},
            sequence(RISE, COSINE, milestones=[3]),
        ),
        (
            sequence(RISE, STEPS, COSINE, milestones=[3, 10]), {"op": "remove", "place": 2},
            sequence(RISE, STEPS, milestones=[3]),
        ),
        (chain(STEPS, RISE), {"op": "remove", "place": 0}, chain(RISE)),
        # Each phase keeps how long it lasts when it is moved.
        (
            sequence(RISE, STEPS, COSINE, milestones=[3, 10]), {"op": "move", "place": 0, "by": 1},
            sequence(STEPS, RISE, COSINE, milestones=[7, 10]),
        ),
        (
            sequence(RISE, STEPS, COSINE, milestones=[3, 10]), {"op": "move", "place": 2, "by": -1},
            sequence(RISE, COSINE, STEPS, milestones=[3, 13]),
        ),
        (chain(STEPS, RISE), {"op": "move", "place": 1, "by": -1}, chain(RISE, STEPS)),
        (sequence(STEPS, milestones=[]), {"op": "unwrap"}, STEPS),
        (
            sequence(chain(STEPS), COSINE, milestones=[3]), {"op": "unwrap", "at": [0]},
            sequence(STEPS, COSINE, milestones=[3]),
        ),
        (
            sequence(RISE, COSINE, milestones=[3]), {"op": "set", "field": "scheduler.schedulers.1.T_max", "value": 9},
            sequence(RISE, {**COSINE, "T_max": 9}, milestones=[3]),
        ),
        (
            sequence(RISE, COSINE, milestones=[3]), {"op": "set", "field": "scheduler.milestones.0", "value": 7},
            sequence(RISE, COSINE, milestones=[7]),
        ),
        (
            {"name": "LambdaLR", "formula": "1 - t"}, {"op": "form", "form": "table"},
            {"name": "LambdaLR", "table": {"points": [[0, 1], [4, 0.8], [8, 0.6], [12, 0.4], [16, 0.2], [20, 0]]}},
        ),
        (TABLE, {"op": "points", "rows": [["0", "0.1"], ["25 %", "1e-2"]]}, {
            "name": "LambdaLR", "table": {"points": [[0, 1.0], [5, 0.1]]},
        }),
        (TABLE, {"op": "add_point", "place": 0}, {
            "name": "LambdaLR", "table": {"points": [[0, 1.0], [5, 0.75], [10, 0.5], [20, 0.1]]},
        }),
        (TABLE, {"op": "add_point", "place": 2}, {
            "name": "LambdaLR", "table": {"points": [[0, 1.0], [10, 0.5], [20, 0.1], [21, 0.1]]},
        }),
    ],
)  # fmt: skip
def test_schedulers_are_put_together(before, change, wanted):
    assert after(change, raw=state(before))["schedule"]["scheduler"] == plain(wanted)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("5", "length", 5),
        ("150 steps", "length", 5),
        ("25 %", "length", 5),
        ("7 epochs", "length", 7),
        ("5, 50 %", "lengths", [5, 10]),
        ("3 9 12", "lengths", [3, 9, 12]),
        ("2 epochs; 300 steps", "lengths", [2, 10]),
        ("1e-3", "float", 0.001),
        ("0,25", "float", 0.25),
        (" 12 ", "int", 12),
    ],
)
def test_what_is_typed_is_read_as_people_write_it(text, kind, value):
    name = {"length": "step_size", "lengths": "milestones", "float": "gamma", "int": "step_size"}[kind]
    before = {"name": "MultiStepLR", "milestones": [10]} if kind == "lengths" else STEPS
    change = {"op": "type", "field": f"scheduler.{name}", "text": text, "kind": kind}
    assert after(change, raw=state(before))["schedule"]["scheduler"][name] == value


@pytest.mark.parametrize(
    ("before", "change", "field"),
    [
        (STEPS, {"op": "type", "field": "warmup.length", "text": "soon", "kind": "length"}, "warmup.length"),
        (STEPS, {"op": "type", "field": "scheduler.gamma", "text": "", "kind": "float"}, "scheduler.gamma"),
        (STEPS, {"op": "type", "field": "scheduler.gamma", "text": "1e999", "kind": "float"}, "scheduler.gamma"),
        (STEPS, {"op": "type", "field": "scheduler.gamma", "text": "9" * 500, "kind": "int"}, "scheduler.gamma"),
        (STEPS, {"op": "set", "field": "scheduler.schedulers.3.gamma", "value": 1}, "scheduler.schedulers.3.gamma"),
        (STEPS, {"op": "add"}, "scheduler"),
        (chain(STEPS), {"op": "remove", "place": 0}, "scheduler"),
        (chain(STEPS, RISE), {"op": "move", "place": 1, "by": 1}, "scheduler"),
        (chain(STEPS, RISE), {"op": "choose", "at": [5], "name": "StepLR"}, "scheduler"),
        (STEPS, {"op": "choose", "name": "Adam"}, "scheduler.name"),
        (chain(STEPS), {"op": "choose", "at": [0], "name": "ReduceLROnPlateau"}, "scheduler.schedulers.0"),
        (STEPS, {"op": "metric", "run": None}, "metric"),
        (TABLE, {"op": "points", "rows": [["0", "0.1"], ["later", "0"]]}, "scheduler.table.points.1.0"),
        (TABLE, {"op": "points", "rows": [["0", "0.1"], ["4", "much"]]}, "scheduler.table.points.1.1"),
        (TABLE, {"op": "points", "rows": [["4", "0.1"], ["3", "0.1"]]}, "scheduler.table.points"),
        (TABLE, {"op": "points", "rows": []}, "scheduler.table.points"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_names_its_field(before, change, field):
    with pytest.raises((LabError, ValidationError)) as refused:
        changed(state(before), [change])
    where = getattr(refused.value, "field", None)
    if isinstance(refused.value, ValidationError):
        where = ".".join(map(str, refused.value.errors()[0]["loc"][:1]))
    assert where == field


@pytest.mark.parametrize(
    "change", [{"op": "none"}, {"op": "set", "field": "lr"}, {"op": "move", "place": 0, "by": 2}, 7]
)
def test_a_change_that_is_none_is_refused(change):
    with pytest.raises(ValidationError):
        changed({}, [change])


def test_two_hundred_changes_at_once_are_the_most():
    change = {"op": "set", "field": "log", "value": True}
    assert changed({}, [change] * 200).log
    with pytest.raises(ValidationError):
        changed({}, [change] * 201)


def test_changes_are_carried_out_in_order():
    found = after(
        {"op": "choose", "name": "SequentialLR"}, {"op": "set", "field": "scheduler.milestones.0", "value": 4},
        {"op": "add"}, {"op": "set", "field": "epochs", "value": 40}, {"op": "interval", "value": "step"},
        raw=state(),
    )  # fmt: skip
    assert found["schedule"]["scheduler"]["milestones"] == [4 * 30, 12 * 30]
    assert (found["epochs"], found["schedule"]["interval"]) == (40, "step")


def test_a_value_that_is_refused_is_mended_by_a_later_one():
    fine = after(
        {"op": "set", "field": "scheduler.gamma", "value": -1}, {"op": "set", "field": "scheduler.gamma", "value": 0.2},
        raw=state(),
    )  # fmt: skip
    assert fine["schedule"]["scheduler"]["gamma"] == 0.2


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
    found = changed(state(scheduler), [{"op": "interval", "value": "step"}])
    schedule = found.composition.schedule
    assert schedule.interval == "step"
    for name, value in converted.items():
        assert (
            getattr(schedule.scheduler, name) == pytest.approx(value)
            or list(getattr(schedule.scheduler, name)) == value
        )
    back = after({"op": "interval", "value": "epoch"}, raw=found.model_dump(mode="json"))["schedule"]["scheduler"]
    for name in scheduler.keys() - {"name"}:
        assert back[name] == pytest.approx(scheduler[name])


def test_a_warm_up_is_put_on_changes_its_unit_and_is_taken_off():
    put_on = changed(state(), [{"op": "warmup", "unit": "epoch"}])
    assert put_on.composition.schedule.warmup.length == 3
    steps = changed(put_on.model_dump(mode="json"), [{"op": "warmup", "unit": "step"}])
    assert steps.composition.schedule.warmup.model_dump() == {"length": 90, "unit": "step", "start_factor": 0.1}
    assert (steps.composition.curve().lr == put_on.composition.curve().lr).all()
    typed = {"op": "type", "field": "warmup.length", "text": "2 epochs", "kind": "length"}
    assert after(typed, raw=steps.model_dump(mode="json"))["schedule"]["warmup"]["length"] == 60
    assert after({"op": "warmup", "unit": None}, raw=steps.model_dump(mode="json"))["schedule"]["warmup"] is None


def test_the_warm_up_s_unit_can_be_chosen_like_any_other_setting():
    put_on = changed(state(), [{"op": "warmup", "unit": "epoch"}]).model_dump(mode="json")
    found = after({"op": "set", "field": "warmup.unit", "value": "step"}, raw=put_on)
    assert found["schedule"]["warmup"] == {"length": 90, "unit": "step", "start_factor": 0.1}


def test_a_plateau_is_measured_once_an_epoch_against_a_loss_that_levels_off():
    found = changed(state(interval="step"), [{"op": "choose", "name": "ReduceLROnPlateau"}]).composition
    assert found.schedule.interval == "epoch"
    assert any(decision.cut for decision in found.curve().decisions)
    set_by_hand = {"kind": "synthetic", "speed": 0.1}
    kept = changed(state(metric=set_by_hand), [{"op": "choose", "name": "ReduceLROnPlateau"}]).composition
    assert kept.metric.speed == 0.1


def test_a_recipe_follows_the_run_until_its_values_are_set():
    raw = changed({}, [{"op": "recipe", "name": "keras-cosine-decay"}]).model_dump(mode="json")
    longer = changed(raw, [{"op": "set", "field": "epochs", "value": 40}])
    assert longer.composition.schedule.scheduler.T_max == 40 * 30
    typed = {"op": "type", "field": "recipe.decay_steps", "text": "50 %", "kind": "length"}
    half = changed(longer.model_dump(mode="json"), [typed])
    assert half.recipe.values == {"decay_steps": 600}
    free = changed(half.model_dump(mode="json"), [{"op": "free"}])
    assert (free.recipe, free.composition) == (None, half.composition)


@pytest.mark.parametrize(
    "change",
    [
        {"op": "choose", "name": "StepLR"},
        {"op": "interval", "value": "epoch"},
        {"op": "warmup", "unit": None},
        {"op": "compose", "composition": Composition().model_dump(mode="json")},
        {"op": "reset"},
    ],
)
def test_whatever_edits_the_schedule_itself_leaves_the_recipe(change):
    assert changed({}, [{"op": "recipe", "name": "noam"}, change]).recipe is None


def test_groups_are_added_said_in_another_way_and_removed():
    two = changed(state(), [{"op": "add_group"}, {"op": "add_group"}])
    assert [(group.name, group.multiplier) for group in two.composition.groups] == [
        ("head", 1.0), ("backbone", 0.1), ("group 2", 0.1),
    ]  # fmt: skip
    own = changed(two.model_dump(mode="json"), [{"op": "group", "place": 1, "by": "lr"}])
    assert own.composition.groups[1].model_dump() == {"name": "backbone", "multiplier": None, "lr": pytest.approx(0.01)}
    back = changed(own.model_dump(mode="json"), [{"op": "group", "place": 1, "by": "multiplier"}])
    assert back.composition.groups[1].multiplier == 0.1
    less = changed(back.model_dump(mode="json"), [{"op": "remove_group", "place": 0}])
    assert [group.name for group in less.composition.groups] == ["backbone", "group 2"]


def test_kept_schedules_are_put_by_taken_up_and_dropped():
    raw = changed({}, [{"op": "recipe", "name": "noam"}, {"op": "keep"}, {"op": "reset"}, {"op": "keep"}])
    assert [kept.colour for kept in raw.kept] == [0, 1]
    assert raw.recipe is None
    taken = changed(raw.model_dump(mode="json"), [{"op": "take", "place": 0}])
    assert taken.recipe.name == "noam"
    assert taken.composition == raw.kept[0].composition
    assert changed(raw.model_dump(mode="json"), [{"op": "unkeep", "place": 0}]).kept == raw.kept[1:]
    with pytest.raises(ValidationError):
        changed(raw.model_dump(mode="json"), [{"op": "keep"}] * 7)


def test_a_reset_keeps_what_was_kept_and_how_it_is_looked_at():
    found = changed(state(lr=0.5), [{"op": "keep"}, {"op": "set", "field": "log", "value": True}, {"op": "reset"}])
    assert found.composition == Composition()
    assert (len(found.kept), found.log) == (1, True)
