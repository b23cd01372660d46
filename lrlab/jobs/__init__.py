"""Who runs it: the queue, the supervisor and its workers. It starts workers, it never imports what they need.

A submission reads data sets and so needs pandas, the supervisor must start fast: each name is loaded when it is first
asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lrlab.jobs.answers import ask, ask_later, end_helper
    from lrlab.jobs.backend import Ended
    from lrlab.jobs.changing import resume, retry, set_lr
    from lrlab.jobs.evaluating import EvaluationStatus, evaluation_status, start_evaluation
    from lrlab.jobs.import_files import ImportStatus, no_import
    from lrlab.jobs.importing import import_process, run_import
    from lrlab.jobs.imports import (
        cancel_import,
        handing_over,
        import_of_upload,
        import_status,
        is_lost_import,
        running_imports,
        start_import,
    )
    from lrlab.jobs.launching import attend, ensure_attended, ensure_supervisor
    from lrlab.jobs.queue import Job, Queue
    from lrlab.jobs.requests import (
        LabStatus,
        Plan,
        delete,
        lab_status,
        move,
        plan,
        position,
        run_status,
        stop,
        submit,
    )
    from lrlab.jobs.requeueing import requeue
    from lrlab.jobs.settling import settle
    from lrlab.jobs.supervising import supervise

_MODULES = {
    "answers": ("ask", "ask_later", "end_helper"),
    "backend": ("Ended",),
    "changing": ("resume", "retry", "set_lr"),
    "evaluating": ("EvaluationStatus", "evaluation_status", "start_evaluation"),
    "import_files": ("ImportStatus", "no_import"),
    "importing": ("import_process", "run_import"),
    "imports": (
        "cancel_import",
        "handing_over",
        "import_of_upload",
        "import_status",
        "is_lost_import",
        "running_imports",
        "start_import",
    ),
    "launching": ("attend", "ensure_attended", "ensure_supervisor"),
    "queue": ("Job", "Queue"),
    "requests": (
        "LabStatus",
        "Plan",
        "delete",
        "lab_status",
        "move",
        "plan",
        "position",
        "run_status",
        "stop",
        "submit",
    ),
    "requeueing": ("requeue",),
    "settling": ("settle",),
    "supervising": ("supervise",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Ended",
    "EvaluationStatus",
    "ImportStatus",
    "Job",
    "LabStatus",
    "Plan",
    "Queue",
    "ask",
    "ask_later",
    "attend",
    "cancel_import",
    "delete",
    "end_helper",
    "ensure_attended",
    "ensure_supervisor",
    "evaluation_status",
    "handing_over",
    "import_of_upload",
    "import_process",
    "import_status",
    "is_lost_import",
    "lab_status",
    "move",
    "no_import",
    "plan",
    "position",
    "requeue",
    "resume",
    "retry",
    "run_import",
    "run_status",
    "running_imports",
    "set_lr",
    "settle",
    "start_evaluation",
    "start_import",
    "stop",
    "submit",
    "supervise",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
