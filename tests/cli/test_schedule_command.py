"""`schedule` says, draws up and writes what the curve holds; wrong input is refused in one line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrlab.cli.schedule import _csv
from lrlab.schedules import (
    CATALOGUE,
    PRESETS,
    RECIPES,
    Composition,
    Curve,
    Preset,
    ScheduleSpec,
    check,
    curve,
    from_link,
    json_code,
    keras_code,
    pytorch_code,
    sentences,
    starting,
    to_link,
)

from .conftest import Lrlab

STEP_LR = {"interval": "epoch", "scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}, "warmup": {"length": 3}}
SPEC = ScheduleSpec.model_validate(STEP_LR)
RUN = ("--lr", "0.1", "--epochs", "20", "--steps-per-epoch", "30")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(STEP_LR))
    return path


def test_csv_holds_every_update_to_the_last_bit(lrlab: Lrlab, spec: Path, tmp_path: Path) -> None:
    done = lrlab("schedule", spec, *RUN, "--csv", tmp_path / "out.csv")
    assert done.code == 0
    text = (tmp_path / "out.csv").read_text()
    assert text.startswith("step,epoch,lr\n0,0,0.010000000000000002\n")
    assert text.endswith("\n")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["step"]) for row in rows] == list(range(600))
    assert [int(row["epoch"]) for row in rows] == [step // 30 for step in range(600)]
    assert [float(row["lr"]) for row in rows] == curve(SPEC, 0.1, 20, 30).lr.tolist()


def test_csv_goes_to_stdout_alone(lrlab: Lrlab, spec: Path) -> None:
    done = lrlab("schedule", spec, "--epochs", 1, "--steps-per-epoch", 2, "--csv", "-")
    assert done.out == "step,epoch,lr\n0,0,0.0001\n1,0,0.00025\n"


def test_csv_of_many_updates_is_written_in_parts(lrlab: Lrlab, spec: Path, tmp_path: Path) -> None:
    assert lrlab("schedule", spec, "--steps-per-epoch", 1001, "--csv", tmp_path / "out.csv").code == 0
    steps = [line.partition(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert steps == ["step", *map(str, range(20 * 1001))]


def test_momentum_has_a_column_where_it_moves() -> None:
    drawn = Curve(np.array([0.1, 0.2]), 2, momentum=np.array([0.95, 0.85]))
    assert "".join(_csv(drawn, {})) == "step,epoch,lr,momentum\n0,0,0.1,0.95\n1,0,0.2,0.85\n"


def test_words_for_a_person(lrlab: Lrlab, spec: Path) -> None:
    done = lrlab("schedule", spec, *RUN)
    lines = done.out.splitlines()
    assert lines[0] == "StepLR(step_size=5, gamma=0.5), warm-up 3 epochs, 20 epochs of 30 steps"
    assert lines[1:6] == sentences(curve(SPEC, 0.1, 20, 30))
    assert "    8         240  0.05    0.05" in lines
    assert done.err == ""


def test_json(lrlab: Lrlab, spec: Path) -> None:
    answer = lrlab("schedule", spec, "--json").json
    assert answer["lr"] == curve(SPEC, 0.001, 20, 30).lr.tolist()
    assert answer["label"] == "StepLR(step_size=5, gamma=0.5), warm-up 3 epochs"


def test_code(lrlab: Lrlab, spec: Path) -> None:
    assert lrlab("schedule", spec, *RUN, "--code").out == pytorch_code(
        Composition(lr=0.1, epochs=20, steps_per_epoch=30, schedule=SPEC)
    )


def test_code_of_every_kind(lrlab: Lrlab, spec: Path) -> None:
    composition = Composition(lr=0.1, epochs=20, steps_per_epoch=30, schedule=SPEC)
    assert lrlab("schedule", spec, *RUN, "--code", "keras").out == keras_code(composition)
    assert lrlab("schedule", spec, *RUN, "--code", "json").out == json_code(composition)
    assert lrlab("schedule", spec, *RUN, "--code", "--optimizer", "SGD").out == pytorch_code(composition, "SGD")


def written(lrlab: Lrlab, *arguments: object) -> Composition:
    """What a command line stands for, as its link says it."""
    done = lrlab("schedule", *arguments, "--link")
    assert done.code == 0, done.err
    return from_link(done.out)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheduler_by_name(lrlab: Lrlab, name: str) -> None:
    assert lrlab("schedule", name).out.splitlines()[0].endswith(", 20 epochs of 30 steps")
    made = written(lrlab, name, "--epochs", 7, "--lr", 0.5)
    assert (made.epochs, made.lr) == (7, 0.5)
    assert made.schedule.scheduler == starting(name, "epoch", 7, 30, lr=0.5)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_by_name(lrlab: Lrlab, name: str) -> None:
    made = written(lrlab, name, "--epochs", 7, "--lr", 0.5)
    assert made.schedule == RECIPES[name].expand({}, 7, 30, 0.5)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_by_name(lrlab: Lrlab, preset: Preset) -> None:
    assert written(lrlab, preset.name) == preset.composition


def test_a_presets_run_can_be_changed(lrlab: Lrlab) -> None:
    made = written(lrlab, "resnet50-imagenet", "--epochs", 5, "--lr", 0.5)
    assert (made.epochs, made.lr, made.steps_per_epoch) == (5, 0.5, 5005)


def test_parameters_are_set(lrlab: Lrlab, spec: Path) -> None:
    made = written(lrlab, "StepLR", "--set", "step_size=3", "--set", "warmup.length=2", "--set", "gamma=0.7")
    assert made.schedule == ScheduleSpec.model_validate(
        {"scheduler": {"name": "StepLR", "step_size": 3, "gamma": 0.7}, "warmup": {"length": 2}}
    )
    assert written(lrlab, spec, "--set", "warmup=null").schedule.warmup is None
    made = written(lrlab, "transformers-linear", "--set", "warmup=60")
    assert made.schedule == RECIPES["transformers-linear"].expand({"warmup": 60}, 20, 30, 0.001)


def test_the_interval_is_converted_and_chosen(lrlab: Lrlab, spec: Path) -> None:
    made = written(lrlab, spec, "--interval", "step")
    assert made.schedule == Composition(schedule=SPEC).with_interval("step").schedule
    assert written(lrlab, "CosineAnnealingLR", "--interval", "step").schedule.scheduler.T_max == 600  # type: ignore[union-attr]


def test_a_link_is_printed_and_read(lrlab: Lrlab, spec: Path) -> None:
    composition = Composition(lr=0.1, epochs=20, steps_per_epoch=30, schedule=SPEC)
    link = lrlab("schedule", spec, *RUN, "--link").out.strip()
    assert link == to_link(composition)
    for form in (link, f"http://127.0.0.1:8501/?schedule={link}", f"?schedule={link}"):
        assert lrlab("schedule", form).out == lrlab("schedule", spec, *RUN).out
    assert written(lrlab, link, "--epochs", 4).epochs == 4


def test_a_composition_as_json_brings_its_run(lrlab: Lrlab, tmp_path: Path) -> None:
    composition = Composition.model_validate(
        {"lr": 0.3, "epochs": 4, "schedule": STEP_LR, "groups": [{"name": "body, neck", "multiplier": 0.1}]}
    )
    path = tmp_path / "composition.json"
    path.write_text(composition.model_dump_json())
    assert written(lrlab, path) == composition
    done = lrlab("schedule", path, "--csv", "-", "--steps-per-epoch", 1)
    assert done.out.splitlines()[:2] == ['step,epoch,lr,"lr_body, neck"', "0,0,0.03,0.003"]
    head = next(line for line in lrlab("schedule", path).out.splitlines() if line.startswith("epoch"))
    assert head == "epoch  first step  LR    LR of its last step  LR of body, neck"
    answer = lrlab("schedule", path, "--json").json
    assert answer["groups"] == {"body, neck": composition.group_curves()[0][1].lr.tolist()}


CODE = "optimizer = SGD(p, lr=0.1)\nscheduler = OneCycleLR(optimizer, 0.5, epochs=20, steps_per_epoch=len(loader))\n"


def test_code_is_read_and_its_questions_answered(lrlab: Lrlab, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(CODE)
    asked = lrlab("schedule", "--read", path)
    assert (asked.code, asked.out) == (2, "")
    assert "How much is `len(loader)`?" in asked.err
    assert "--answer 'len(loader)=30'" in asked.err
    done = lrlab("schedule", "--read", path, "--answer", "len(loader)=30", "--link")
    assert done.err == "note: No loop in the text steps it: step() is taken to be called after every update.\n"
    made = from_link(done.out)
    assert (made.lr, made.schedule.interval) == (0.1, "step")
    assert made.schedule.scheduler.length == 600  # type: ignore[union-attr]


def test_code_comes_from_stdin(lrlab: Lrlab, monkeypatch: pytest.MonkeyPatch) -> None:
    code = b"\xef\xbb\xbfStepLR(optimizer, step_size=5, gamma=0.5)"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(code)))
    assert lrlab("schedule", "--read", "-").out.startswith("StepLR(step_size=5, gamma=0.5), 20 epochs of 30 steps\n")


def test_checks_stand_below_the_curve(lrlab: Lrlab) -> None:
    composition = Composition(schedule=ScheduleSpec.model_validate({"scheduler": {"name": "StepLR", "step_size": 900}}))
    (found,) = check(composition)
    words = " ".join(lrlab("schedule", to_link(composition)).out.split())
    assert found.repair is not None
    assert words.endswith(f"{found.severity}, {found.path}: {found.sentence} repair: {found.repair.label}")
    answer = lrlab("schedule", to_link(composition), "--json").json
    assert answer["checks"] == [
        {
            "name": found.name, "severity": found.severity, "path": found.path, "sentence": found.sentence,
            "repair": found.repair.label,
        }
    ]  # fmt: skip
    assert lrlab("schedule", "CosineAnnealingLR", "--json").json["checks"] == []


def test_momentum_is_part_of_the_answer(lrlab: Lrlab) -> None:
    answer = lrlab("schedule", "OneCycleLR", "--json").json
    assert max(answer["momentum"]) == 0.95


def test_the_help_names_recipes_and_presets(lrlab: Lrlab) -> None:
    text = " ".join(lrlab("schedule", "--help").out.split())
    for recipe in RECIPES.values():
        assert f"{recipe.name}: {' '.join(recipe.line.split())}" in text
    for preset in PRESETS:
        assert f"{preset.name}: {' '.join(preset.title.split())}." in text


def test_the_spec_comes_from_stdin(lrlab: Lrlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf{}")))
    assert lrlab("schedule", "-").out.startswith("Fixed, 20 epochs of 30 steps\nThe LR never changes")


BAD: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "no JSON": ('{"interval": "epoch",\n "warmup": x}', (), ", line 2, column 12: is not JSON (Expecting value)"),
    "no text": (b"\xff\xfe\x00{", (), ": is not JSON"),
    "nested": ("[" * 200_000, (), ": is nested too deeply"),
    "no object": ("[]", (), "got [], allowed: an object of settings"),
    "unknown name": ('{"scheduler": {"name": "NoLR"}}', (), "scheduler.name: got 'NoLR', allowed: 'Fixed', 'StepLR'"),
    "out of order": (
        '{"scheduler": {"name": "MultiStepLR", "milestones": [9, 3]}}', (),
        "scheduler.milestones: got [9, 3], allowed: milestones in increasing order",
    ),
    "LR of 0": ("{}", ("--lr", "0"), "lr: got 0.0, allowed: above 0"),
    "LR of nan": ("{}", ("--lr", "nan"), "lr: got nan, allowed: a finite number"),
    "no epochs": ("{}", ("--epochs", "0"), "epochs: got 0, allowed: at least 1"),
    "too many epochs": ("{}", ("--epochs", "1000000"), "epochs: got 1000000, allowed: at most 10,000"),
    "too many updates": ("{}", ("--steps-per-epoch", "1000001"), "steps_per_epoch: got 1000001"),
    "too long a run": (
        "{}", ("--epochs", "10000", "--steps-per-epoch", "9999"), "99,990,000 updates, allowed: at most 20,000,000",
    ),
    "an LR in words": ("{}", ("--lr", "high"), "argument --lr: invalid float value: 'high'"),
    "an abbreviation": ("{}", ("--epoch", "3"), "unrecognized arguments: --epoch 3"),
    "no folder": ("{}", ("--csv", "/nowhere/out.csv"), "/nowhere/out.csv: No such file or directory"),
    "a folder": ("{}", ("--csv", "/"), "/: Is a directory"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_done_is_refused(lrlab: Lrlab, tmp_path: Path, case: str) -> None:
    content, options, message = BAD[case]
    path = tmp_path / "spec.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = lrlab("schedule", path, *options)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_missing_file_is_named(lrlab: Lrlab, tmp_path: Path) -> None:
    done = lrlab("schedule", tmp_path / "none.json")
    assert (done.code, done.err) == (2, f"error: {tmp_path}/none.json: No such file or directory\n")


REFUSED = {
    "nothing": ((), "schedule: nothing is given, allowed: a file, a name, a link, or --read"),
    "a name that is none": (("Steplr",), "got 'Steplr' (did you mean StepLR?), allowed: a file of JSON, a link"),
    "a link cut short": (("1.SPyrRjGXXF",), "link: it is broken"),
    "a later link": (("2.SPyrRjGXXFMA",), "link: got version 2, allowed: 1"),
    "a parameter that is none": (("StepLR", "--set", "size=3"), "scheduler.size: is not a known setting"),
    "a parameter out of range": (("StepLR", "--set", "step_size=0"), "scheduler.step_size: got 0, allowed: at least 1"),
    "a value of a recipe": (("transformers-linear", "--set", "warmup=-1"), "warmup: got -1, allowed: at least 0"),
    "no value": (("StepLR", "--set", "step_size"), "--set: got 'step_size', allowed: key=value"),
    "an interval that is none": (("StepLR", "--interval", "batch"), "invalid choice: 'batch'"),
    "an interval that does not fit": (("ReduceLROnPlateau", "--interval", "step"), "allowed: 'epoch'"),
    "code that is none": (("StepLR", "--code", "jax"), "invalid choice: 'jax'"),
    "an optimiser that is none": (("StepLR", "--code", "--optimizer", "Lion"), "optimizer: got 'Lion', allowed: SGD"),
    "a schedule that torch refuses": (("OneCycleLR", "--set", "total_steps=3"), "OneCycleLR: torch raises at call 4"),
    "an answer that is none": (("--read", "-", "--answer", "x"), "--answer: got 'x', allowed: NAME=NUMBER"),
    "an answer in words": (("--read", "-", "--answer", "x=many"), "--answer: got 'x=many', allowed: NAME=NUMBER"),
    "a schedule and code": (("StepLR", "--read", "-"), "got a schedule and --read, allowed: one of them"),
    "code without a schedule": (("--read", "-"), "code: there is no scheduler in it"),
    "code from nowhere": (("--read", "/nowhere/train.py"), "/nowhere/train.py: No such file or directory"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_names_no_schedule_is_refused(lrlab: Lrlab, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    arguments, message = REFUSED[case]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x = 3\n")))
    done = lrlab("schedule", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
