"""lrlab: see a learning-rate schedule, try it on your own images, compare what it did."""

__version__ = "0.1.0"
