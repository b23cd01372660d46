"""Keeping a lab: backup, restore, and the doctor that checks what lies there. No torch, no Streamlit."""

from lrlab.keeping.backup import Backup, back_up
from lrlab.keeping.restoring import Restored, restore

__all__ = ["Backup", "Restored", "back_up", "restore"]
