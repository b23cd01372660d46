"""What watches a training loop: the log, the heartbeat, the keeper of the best model, early stopping, a stop."""

from lrlab.training.observers.early import EarlyStop
from lrlab.training.observers.hand import Hand
from lrlab.training.observers.keeper import Keeper
from lrlab.training.observers.recorder import NonFinite, Recorder
from lrlab.training.observers.signs import Heartbeat, StopRequested, StopWatch

__all__ = ["EarlyStop", "Hand", "Heartbeat", "Keeper", "NonFinite", "Recorder", "StopRequested", "StopWatch"]
