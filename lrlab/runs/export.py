"""Runs as files for other programs: CSV for a spreadsheet, Parquet for pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from lrlab.runs.overview import table
from lrlab.runs.predictions import flat, load_predictions
from lrlab.runs.run import Run

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text cell that begins with one of these for a formula and may run it."""


def export_csv(run: Run, folder: Path) -> list[Path]:
    """Writes steps.csv and epochs.csv into `folder` (made where missing): the rows that count, floats exact; and
    predictions.csv where the run has predictions."""
    return _export(run, folder, "csv", write_csv)


def export_parquet(run: Run, folder: Path) -> list[Path]:
    """Writes steps.parquet and epochs.parquet into `folder` (made where missing): the rows that count; and
    predictions.parquet, one class a column, where the run has predictions."""
    return _export(run, folder, "parquet", lambda frame, path: frame.to_parquet(path, index=False))


def export_table(runs: Iterable[Run], path: Path) -> None:
    """Writes the table of `runs` as CSV to `path`."""
    write_csv(table(runs), path)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Writes `frame` without its index; nan and inf as the log spells them, texts safe to open in a spreadsheet."""
    spreadsheet_safe(frame).to_csv(path, index=False, na_rep="nan", lineterminator="\n")


def spreadsheet_safe(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with an apostrophe before every text, column names too, that a spreadsheet would run as a formula."""
    guarded = frame.copy()
    for name in guarded.columns:
        if not pd.api.types.is_numeric_dtype(guarded[name]):
            guarded[name] = guarded[name].map(_guarded)
    guarded.columns = [_guarded(name) for name in guarded.columns]
    return guarded


def _guarded(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _export(run: Run, folder: Path, ending: str, write: Callable[[pd.DataFrame, Path], None]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    tables = {"steps": run.steps, "epochs": run.epochs}
    predictions = load_predictions(run)
    if predictions is not None:
        tables["predictions"] = flat(predictions)
    for name, frame in tables.items():
        paths.append(folder / f"{name}.{ending}")
        write(frame, paths[-1])
    return paths
