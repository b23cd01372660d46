"""Code in: pasted code as a schedule. `text` parses it, `values` and `script` walk it, `torchs` and `others` know the
libraries, `choice` finds the schedule that counts. Nothing that is pasted is ever executed."""

from lrlab.schedules.reading.reading import Question, Reading, read_code

__all__ = ["Question", "Reading", "read_code"]
