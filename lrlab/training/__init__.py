"""Training, in the worker's process alone: the loop and what observes it, batches, models, torch's schedulers.

torch lives here and nowhere else. Importing this room takes seconds; only the worker and the CLI's commands do it.
"""

import os

# Read when torch is imported. At the end of every parallel part its threads spin for some 20 ms for the last of them;
# where another program has that one's core, a step of a millisecond then takes twenty. A spin of some 50 microseconds
# costs about a tenth on an idle machine, and saves half the time and more on a busy one.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from lrlab.training.allocator import keep_memory
from lrlab.training.checkpoints import ModelFacts, load_model
from lrlab.training.worker import wait_and_work, work

__all__ = ["ModelFacts", "load_model", "wait_and_work", "work"]

keep_memory()
