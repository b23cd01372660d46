"""Names that mean harm in files to take home: no cell of a CSV file is a formula, no header of an answer ends early."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.runs import Predictions, Run, export_csv, list_runs, rename, store_predictions, update
from lrlab.runs.export import FORMULA, export_table
from lrlab.runs.predictions import tabulated
from lrlab.web import runs
from lrlab.web.access import LOCAL_HOSTS, Access

from .payloads import NAMES, PAYLOADS

FORMULAS = ("=1+1", "+1", "-1+1", "@SUM(A1)", "=cmd|'/C calc'!A0")


@pytest.fixture
def called(start_run) -> Callable[[str], Run]:
    """A run that has ended, each of its texts this one; its predictions are of classes and files with all the names."""

    def make(text: str) -> Run:
        run = start_run(name=text, epochs=1).train().end(cause=text, advice=text)
        update(run, notes=text, tags=(text,), group=text)
        labels = np.arange(len(NAMES))
        scores = np.eye(len(NAMES))
        frame = tabulated("val", labels, NAMES, labels, scores, NAMES)
        store_predictions(run, Predictions(frame, tuple(NAMES), 1))
        return run

    return make


def cells(text: str) -> Iterator[str]:
    for row in csv.reader(io.StringIO(text)):
        yield from row


def test_no_cell_of_a_csv_file_is_a_formula(
    home: Home, called: Callable[[str], Run], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    made = [called(text) for text in (*FORMULAS, *PAYLOADS)]
    export_table(list_runs(home), tmp_path / "runs.csv")
    found = list(cells((tmp_path / "runs.csv").read_text()))
    for path in export_csv(made[0], tmp_path / "one"):
        found += cells(path.read_text())
    for cell in found:
        assert not cell.startswith(FORMULA) or re.fullmatch(r"[+-]?[0-9.e+-]+", cell), cell
    for text in (*FORMULAS, *PAYLOADS, *NAMES):  # each is there, and none is changed but for what disarms it
        assert (f"'{text}" if text.startswith(FORMULA) else text) in found
    figure("cells of CSV files", f"{len(found):,} cells, 0 formulas")


def test_no_name_reaches_a_header_of_an_answer(home: Home, called: Callable[[str], Run]) -> None:
    """Files to take home are called by the run's name; nothing in it ends a header or names another type."""
    client = TestClient(Starlette(routes=runs.routes(home, Access(LOCAL_HOSTS, home))), base_url="http://127.0.0.1")
    for text in PAYLOADS:
        run = called(text)
        with pytest.raises(LabError):
            rename(run, "a\r\nX-Evil: 1")
        headers = client.get(f"/api/runs/{run.id}/export?format=csv").headers
        assert headers["content-type"] == "application/zip"
        disposition = headers["content-disposition"]
        assert re.fullmatch(r"attachment; filename(=\"[\w.,() -]+\"|\*=utf-8''[\w.%()-]+)", disposition), disposition
