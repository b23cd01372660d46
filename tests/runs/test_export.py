"""Exports: the rows that count, exactly, in files that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from lrlab.runs import (
    Predictions,
    export_csv,
    export_parquet,
    export_table,
    spreadsheet_safe,
    store_predictions,
    tabulated,
)

PAYLOADS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "=cmd|' /C calc'!A0"]


def test_csv_holds_the_log_as_it_was_written(trained, tmp_path):
    run = trained(0.5, float("nan"), 1 / 3)
    steps, epochs = export_csv(run, tmp_path / "new" / "folder")
    assert (steps.name, epochs.name) == ("steps.csv", "epochs.csv")
    # The log itself is the oracle: the same text, number by number.
    assert steps.read_text() == (run.folder / "steps-1.csv").read_text()
    assert epochs.read_text() == (run.folder / "epochs-1.csv").read_text()


def test_parquet_holds_the_same_frames(trained, tmp_path):
    run = trained(0.5, float("nan"), 1 / 3)
    steps, epochs = export_parquet(run, tmp_path)
    pd.testing.assert_frame_equal(pd.read_parquet(steps), run.steps)
    pd.testing.assert_frame_equal(pd.read_parquet(epochs), run.epochs)


def test_predictions_go_along_with_the_log(trained, tmp_path):
    run = trained(0.5)
    scores = np.log([[0.7, 0.3], [0.4, 0.6]])
    rows = tabulated("val", np.array([3, 5]), ["=a.png", "b.png"], np.array([0, 0]), scores, ("Dark", "=Light"))
    store_predictions(run, Predictions(rows, ("Dark", "=Light"), 0))
    paths = [*export_csv(run, tmp_path), *export_parquet(run, tmp_path)]
    assert [path.name for path in paths if "predictions" in path.name] == ["predictions.csv", "predictions.parquet"]
    with (tmp_path / "predictions.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["file"], first["predicted"], second["predicted"]) == ("'=a.png", "Dark", "'=Light")
    assert float(second["probability"]) == pytest.approx(0.4, rel=1e-12)
    assert pd.read_parquet(tmp_path / "predictions.parquet")["class_1"].tolist() == ["Dark", "=Light"]


def test_a_run_without_rows_exports_its_header(make_run, tmp_path):
    steps, _ = export_csv(make_run(), tmp_path)
    assert steps.read_text() == "step,epoch,time,lr,loss\n"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_is_a_formula(make_run, tmp_path, payload):
    name = payload.replace("\t", "").replace("\r", "")  # control characters are no part of a name
    export_table([make_run(name=name)], tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        header, row = csv.reader(file)
    assert row[header.index("name")] == f"'{name}"
    safe = spreadsheet_safe(pd.DataFrame({payload: [payload, "fine", 1], "number": [-1.0, 2.0, 3.0]}))
    assert safe.columns.tolist() == [f"'{payload}", "number"]
    assert safe[f"'{payload}"].tolist() == [f"'{payload}", "fine", 1]
    assert safe["number"].tolist() == [-1.0, 2.0, 3.0]
