"""What happened: the run folder, the append-only log, pandas frames, comparison. No torch, no Streamlit.

What reads logs needs pandas, which takes longer to import than all the rest of lrlab. The supervisor never reads one,
so those names are loaded when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lrlab.runs.beat import Beat
from lrlab.runs.heartbeat import Heartbeat
from lrlab.runs.liveness import worker_gone
from lrlab.runs.log import EPOCH_COLUMNS, STEP_COLUMNS, LogWriter, open_log
from lrlab.runs.record import FINAL, Attempt, DatasetFacts, Kind, LRChange, Result, RunRecord, State
from lrlab.runs.run import Run
from lrlab.runs.store import (
    create_run,
    delete_run,
    list_runs,
    load_run,
    rename,
    request_stop,
    revise,
    stop_requested,
    stop_requested_at,
    update,
)

if TYPE_CHECKING:
    from lrlab.runs.compare import differences, legend
    from lrlab.runs.export import export_csv, export_parquet, export_table, spreadsheet_safe
    from lrlab.runs.overview import table
    from lrlab.runs.standing import RunStatus, duration, status
    from lrlab.runs.tail import Tail
    from lrlab.runs.verdict import headline

_LATER = {
    "RunStatus": "standing",
    "Tail": "tail",
    "differences": "compare",
    "duration": "standing",
    "export_csv": "export",
    "export_parquet": "export",
    "export_table": "export",
    "headline": "verdict",
    "legend": "compare",
    "spreadsheet_safe": "export",
    "status": "standing",
    "table": "overview",
}

__all__ = [
    "EPOCH_COLUMNS",
    "FINAL",
    "STEP_COLUMNS",
    "Attempt",
    "Beat",
    "DatasetFacts",
    "Heartbeat",
    "Kind",
    "LRChange",
    "LogWriter",
    "Result",
    "Run",
    "RunRecord",
    "RunStatus",
    "State",
    "Tail",
    "create_run",
    "delete_run",
    "differences",
    "duration",
    "export_csv",
    "export_parquet",
    "export_table",
    "headline",
    "legend",
    "list_runs",
    "load_run",
    "open_log",
    "rename",
    "request_stop",
    "revise",
    "spreadsheet_safe",
    "status",
    "stop_requested",
    "stop_requested_at",
    "table",
    "update",
    "worker_gone",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
