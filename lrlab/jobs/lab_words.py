"""What the lab's processes, devices and limits are called, for the page and the terminal alike."""

from __future__ import annotations

from lrlab.disk import DiskUse, amount
from lrlab.jobs.lab import Lab
from lrlab.jobs.machine import Device
from lrlab.jobs.processes import Process

ROLES = {
    "server": ("Web server", "Serves these pages."),
    "supervisor": ("Supervisor", "Gives waiting runs to workers; leaves after {supervisor} without a run."),
    "worker": ("Worker", "Trains a run."),
    "warm worker": (
        "Warm worker",
        "Has torch imported already, so that the next run starts at once; leaves after {supervisor} without a run.",
    ),
    "other worker": ("Worker", "Is getting ready for a run, or is leaving after one."),
    "helper": (
        "Helper",
        "Answers what needs torch: sizes of models, previews, predictions; leaves after {helper} without a question.",
    ),
    "import": ("Import", "Takes images in; ends when they are in."),
}
"""Of each role the title and what it is for."""

PARTS = {
    "datasets": "Data sets",
    "runs": "Logs and models",
    "checkpoints": "Checkpoints",
    "cache": "Caches",
    "uploads": "Uploads",
}
"""What takes the lab's disk, in the order in which it is told."""


def role(process: Process, lab: Lab) -> tuple[str, str]:
    """A process's title, and what it is for and when it leaves."""
    title, purpose = ROLES[process.role]
    return title, purpose.format(supervisor=minutes(lab.supervisor_idle), helper=minutes(lab.helper_idle))


def cores(load: float | None) -> str:
    """A process's load: "95 % of a core", "2.1 cores"; empty where it is not known yet."""
    if load is None:
        return ""
    return f"{100 * load:.0f} % of a core" if load < 1.05 else f"{load:.1f} cores"


def busy(device: Device) -> str:
    """A device's load: "43 %"; empty before it was measured."""
    if device.load is None and device.kind == "gpu":
        return "not told"
    return "" if device.load is None else f"{100 * device.load:.0f} %"


def memory(device: Device) -> str:
    """A device's memory: "3.1 GB of 7.8 GB"; "not told" where it is not."""
    if device.memory_used is None or device.memory_total is None:
        return "not told"
    return f"{amount(device.memory_used)} of {amount(device.memory_total)}"


def sizes(use: DiskUse) -> dict[str, int]:
    """Bytes of each of PARTS."""
    checkpoints = sum(use.checkpoints.values())
    return {
        "datasets": sum(use.datasets.values()),
        "runs": sum(use.runs.values()) - checkpoints,
        "checkpoints": checkpoints,
        "cache": sum(use.cache.values()),
        "uploads": sum(use.uploads.values()),
    }


def limits(lab: Lab) -> list[tuple[str, str]]:
    """What the lab's keeper set, as names and values."""
    known = lab.settings
    return [
        ("Runs at a time on the CPU", f"{lab.at_a_time:,}"),
        ("Runs of one person, waiting or at work", f"{known.limits.jobs_per_person:,}"),
        ("Largest upload", f"{known.limits.upload_gb:g} GB"),
        ("Images of a data set", f"{known.limits.images:,}"),
        ("Disk", "as much as there is" if known.limits.disk_gb is None else f"{known.limits.disk_gb:g} GB"),
    ]


def minutes(seconds: float) -> str:
    """ "15 min", "90 s"."""
    return f"{seconds / 60:g} min" if seconds % 60 == 0 and seconds else f"{seconds:g} s"
