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
from lrlab.schedules import Composition, Curve, ScheduleSpec, curve, pytorch_code, sentences

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
    assert "".join(_csv(drawn)) == "step,epoch,lr,momentum\n0,0,0.1,0.95\n1,0,0.2,0.85\n"


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
    "LR of nan": ("{}", ("--lr", "nan"), "lr: got nan, allowed: above 0"),
    "no epochs": ("{}", ("--epochs", "0"), "epochs: got 0, allowed: at least 1"),
    "too many updates": ("{}", ("--epochs", "1000000"), "allowed: at most 20,000,000"),
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
