"""What happened: the run folder, the append-only log, pandas frames, comparison. No torch, no Streamlit.

What reads logs needs pandas, which takes longer to import than all the rest of lrlab. The supervisor never reads one,
so those names are loaded when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lrlab.runs.beat import Beat
from lrlab.runs.checkpoints import (
    Checkpoint,
    all_checkpoints,
    checkpoint_file,
    checkpoints_lost,
    resume_step,
    usable_checkpoints,
)
from lrlab.runs.hand import LRRequest, forget_lr_requests, lr_requests, request_lr
from lrlab.runs.heartbeat import Heartbeat
from lrlab.runs.liveness import is_out_of_sight, worker_gone
from lrlab.runs.log import EPOCH_COLUMNS, STEP_COLUMNS, LogWriter, open_log
from lrlab.runs.planning import beyond, factor_at, factor_of, next_update, planned_curve, what_comes
from lrlab.runs.printed import last_lines, log_end
from lrlab.runs.record import FINAL, Attempt, DatasetFacts, Kind, LRChange, Measure, Result, RunRecord, State
from lrlab.runs.run import Run
from lrlab.runs.store import (
    create_run,
    delete_run,
    list_runs,
    load_run,
    locked,
    no_run,
    rename,
    request_stop,
    revise,
    stop_forced,
    stop_requested,
    stop_requested_at,
    update,
    withdraw_stop,
)

if TYPE_CHECKING:
    from lrlab.runs.advice import Advice, advise, with_changes
    from lrlab.runs.compare import differences, legend
    from lrlab.runs.evaluation import Confusion, Evaluation, confusions, evaluate, means, per_class
    from lrlab.runs.export import export_csv, export_parquet, export_table, spreadsheet_safe
    from lrlab.runs.overview import table
    from lrlab.runs.predictions import Predictions, chance, flat, load_predictions, ranked, store_predictions, tabulated
    from lrlab.runs.standing import RunStatus, ago, best_row, best_words, duration, status
    from lrlab.runs.tail import Tail
    from lrlab.runs.verdict import headline

_LATER = {
    "Advice": "advice",
    "Confusion": "evaluation",
    "Evaluation": "evaluation",
    "Predictions": "predictions",
    "RunStatus": "standing",
    "Tail": "tail",
    "advise": "advice",
    "ago": "standing",
    "best_row": "standing",
    "best_words": "standing",
    "chance": "predictions",
    "confusions": "evaluation",
    "differences": "compare",
    "duration": "standing",
    "evaluate": "evaluation",
    "export_csv": "export",
    "export_parquet": "export",
    "export_table": "export",
    "flat": "predictions",
    "headline": "verdict",
    "legend": "compare",
    "load_predictions": "predictions",
    "means": "evaluation",
    "per_class": "evaluation",
    "ranked": "predictions",
    "spreadsheet_safe": "export",
    "status": "standing",
    "store_predictions": "predictions",
    "table": "overview",
    "tabulated": "predictions",
    "with_changes": "advice",
}

__all__ = [
    "EPOCH_COLUMNS",
    "FINAL",
    "STEP_COLUMNS",
    "Advice",
    "Attempt",
    "Beat",
    "Checkpoint",
    "Confusion",
    "DatasetFacts",
    "Evaluation",
    "Heartbeat",
    "Kind",
    "LRChange",
    "LRRequest",
    "LogWriter",
    "Measure",
    "Predictions",
    "Result",
    "Run",
    "RunRecord",
    "RunStatus",
    "State",
    "Tail",
    "advise",
    "ago",
    "all_checkpoints",
    "best_row",
    "best_words",
    "beyond",
    "chance",
    "checkpoint_file",
    "checkpoints_lost",
    "confusions",
    "create_run",
    "delete_run",
    "differences",
    "duration",
    "evaluate",
    "export_csv",
    "export_parquet",
    "export_table",
    "factor_at",
    "factor_of",
    "flat",
    "forget_lr_requests",
    "headline",
    "is_out_of_sight",
    "last_lines",
    "legend",
    "list_runs",
    "load_predictions",
    "load_run",
    "locked",
    "log_end",
    "lr_requests",
    "means",
    "next_update",
    "no_run",
    "open_log",
    "per_class",
    "planned_curve",
    "ranked",
    "rename",
    "request_lr",
    "request_stop",
    "resume_step",
    "revise",
    "spreadsheet_safe",
    "status",
    "stop_forced",
    "stop_requested",
    "stop_requested_at",
    "store_predictions",
    "table",
    "tabulated",
    "update",
    "usable_checkpoints",
    "what_comes",
    "with_changes",
    "withdraw_stop",
    "worker_gone",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
