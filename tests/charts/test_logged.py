"""What a run has logged, as ReduceLROnPlateau is replayed on it: read once, and again only where the log has grown."""

from __future__ import annotations

import math

import pytest

from lrlab.charts import logged_metric, preview
from lrlab.errors import LabError, NotFound
from lrlab.experiments import Experiment
from lrlab.process import identity
from lrlab.runs import Attempt, DatasetFacts, LogWriter, Run, create_run, delete_run, open_log, update
from lrlab.schedules import Composition, curve

LOSSES = (2.0, 1.0, 1.1, 1.2, 0.9, 0.95)


def run_of(home, losses=LOSSES) -> Run:
    facts = DatasetFacts(id="d8h4", name="coffee", classes=("Dark", "Light"), train=120, val=30, test=0)
    experiment = Experiment.model_validate(
        {"dataset": "coffee", "epochs": 6, "optimizer": {"name": "Adam", "lr": 0.02}}
    )
    run = create_run(home, experiment, dataset=facts, steps_per_epoch=4)
    update(
        run, attempts=(Attempt(number=1, first_step=0, started=0.0, identity=identity(), host="here", device="CPU"),)
    )
    if losses is not None:
        with open_log(run, 1) as log:
            write(log, losses)
    return run


def write(log: LogWriter, losses, first: int = 0) -> None:
    for epoch, loss in enumerate(losses, first):
        log.epoch(
            epoch=epoch, step=4 * epoch + 3, time=1.0 + epoch, lr=0.02, train_loss=1.0, train_accuracy=0.5,
            val_loss=loss, val_accuracy=loss / 4, images_per_second=80.0, seconds=1.0,
        )  # fmt: skip


def plateau(**more):
    return {"name": "ReduceLROnPlateau", "factor": 0.5, "patience": 1, **more}


def chosen(run: Run, **scheduler):
    raw = {"composition": {"schedule": {"scheduler": plateau(**scheduler)}}}
    return preview(raw, [{"op": "metric", "run": run.id}])


def test_a_run_brings_its_metric_its_length_and_its_lr(home):
    answer = chosen(run_of(home))
    composition = answer["state"]["composition"]
    assert (composition["epochs"], composition["steps_per_epoch"], composition["lr"]) == (6, 4, 0.02)
    # 1.1 and 1.2 are bad: two in a row with patience 1. 0.95 is the first bad one after 0.9.
    assert answer["cuts"] == ["After epoch 3: not below 1 for 2 epochs in a row (patience 1): LR 0.02 → 0.01."]


def test_mode_max_follows_the_accuracy(home):
    answer = chosen(run_of(home), mode="max")
    assert answer["form"]["metric"]["called"] == "validation accuracy"
    # accuracies 0.5, 0.25, 0.275, 0.3, 0.225, 0.2375: nothing is above 0.5 after the first epoch
    assert [sentence.partition(":")[0] for sentence in answer["cuts"]] == ["After epoch 2", "After epoch 4"]


def test_a_log_that_grows_is_read_on(home):
    run = run_of(home, None)
    with open_log(run, 1) as log:
        write(log, LOSSES[:3])
        composition = Composition.model_validate(chosen(run)["state"]["composition"])
        assert logged_metric(composition) == LOSSES[:3]
        write(log, LOSSES[3:], 3)
        assert logged_metric(composition) == LOSSES


def test_rows_per_update_are_not_read(home):
    run = run_of(home)
    (run.folder / "steps-1.csv").write_text("step,epoch,time,lr,loss\nno,number,in,this,row\n")
    assert chosen(run)["state"]["composition"]["epochs"] == 6


def test_what_is_kept_is_replayed_once(home, monkeypatch):
    kept = preview(chosen(run_of(home))["state"], [{"op": "keep"}])["state"]
    computed = []

    def counted(*given):
        computed.append(given)
        return curve(*given)

    monkeypatch.setattr("lrlab.schedules.composition.curve", counted)
    assert "figure" in preview(kept, [{"op": "choose", "name": "Fixed"}])
    assert len(computed) == 1  # that of the schedule being composed


def test_a_run_that_is_shorter_than_the_composition_is_refused_with_the_reason(home):
    run = run_of(home)
    raw = chosen(run)["state"]
    [(field, sentence)] = preview(raw, [{"op": "set", "field": "epochs", "value": 9}])["errors"]
    assert field == "metric"
    assert "6" in sentence and "9" in sentence


@pytest.mark.parametrize("losses", [(), (math.nan, math.nan)])
def test_a_run_without_the_metric_is_refused(home, losses):
    [(field, sentence)] = chosen(run_of(home, losses))["errors"]
    assert field == "metric.run"
    assert "validation loss" in sentence


def test_a_run_that_is_gone_is_refused(home):
    run = run_of(home)
    composition = Composition.model_validate(chosen(run)["state"]["composition"])
    delete_run(run)
    with pytest.raises(NotFound):
        logged_metric(composition)
    [(field, _)] = preview({"composition": composition.model_dump(mode="json")})["errors"]
    assert field == "metric.run"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "x" * 65, "no-such-run"])
def test_only_ids_of_runs_are_looked_up(home, name):
    raw = {"composition": {"schedule": {"scheduler": plateau()}, "metric": {"kind": "logged", "run": name}}}
    assert preview(raw)["errors"]


def test_other_schedulers_need_no_metric(home):
    composition = Composition.model_validate({"metric": {"kind": "logged", "run": "gone"}})
    assert logged_metric(composition) is None
    with pytest.raises(LabError):
        logged_metric(Composition.model_validate({**composition.model_dump(), "schedule": {"scheduler": plateau()}}))
