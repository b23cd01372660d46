"""What the doctor looks at, one module a kind of thing; each gives findings and changes nothing by itself."""

from lrlab.keeping.checks.datasets import check_datasets
from lrlab.keeping.checks.leftovers import check_leftovers
from lrlab.keeping.checks.queue import check_queue
from lrlab.keeping.checks.runs import check_runs

__all__ = ["check_datasets", "check_leftovers", "check_queue", "check_runs"]
