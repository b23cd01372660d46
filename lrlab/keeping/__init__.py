"""Keeping a lab: backup, restore, and the doctor that checks what lies there. No torch, no Streamlit."""

from lrlab.keeping.backup import Backup, back_up
from lrlab.keeping.doctor import Result, examine
from lrlab.keeping.finding import Finding
from lrlab.keeping.restoring import Restored, restore

__all__ = ["Backup", "Finding", "Restored", "Result", "back_up", "examine", "restore"]
