"""What happened: the run folder, the append-only log, pandas frames, comparison. No torch, no Streamlit."""

from lrlab.runs.beat import Beat
from lrlab.runs.heartbeat import Heartbeat
from lrlab.runs.log import EPOCH_COLUMNS, STEP_COLUMNS, LogWriter, open_log
from lrlab.runs.record import FINAL, Attempt, DatasetFacts, Result, RunRecord, State
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

__all__ = [
    "EPOCH_COLUMNS",
    "FINAL",
    "STEP_COLUMNS",
    "Attempt",
    "Beat",
    "DatasetFacts",
    "Heartbeat",
    "LogWriter",
    "Result",
    "Run",
    "RunRecord",
    "State",
    "create_run",
    "delete_run",
    "list_runs",
    "load_run",
    "open_log",
    "rename",
    "request_stop",
    "revise",
    "stop_requested",
    "stop_requested_at",
    "update",
]
