"""Images in: archives, folders and uploads become data sets; splits, the decoded cache, views of it. No torch."""

from lrlab.datasets.adding import abandoned, add_dataset, add_sample, sweep_partials
from lrlab.datasets.cache import as_cached, cache_bytes, cache_side, decoded
from lrlab.datasets.dataset import (
    Dataset,
    among,
    check_name,
    delete_dataset,
    list_datasets,
    load_dataset,
    share_dataset,
)
from lrlab.datasets.limits import (
    MAX_FILES,
    MAX_IMAGE_BYTES,
    megabytes,
)
from lrlab.datasets.source import Progress, Refusal
from lrlab.datasets.sources import Sample, Source, existing
from lrlab.datasets.splitting import Split, split
from lrlab.datasets.thumbnails import found_thumbnail, kept_thumbnail
from lrlab.datasets.uploads import Receiver, Upload, begin_upload, cancel_upload, no_upload, open_upload, sweep_uploads
from lrlab.datasets.views import Sizes, counts, grid_rows, sizes, thumbnail

SAMPLE_NAME = Sample.name

__all__ = [
    "MAX_FILES",
    "MAX_IMAGE_BYTES",
    "SAMPLE_NAME",
    "Dataset",
    "Progress",
    "Receiver",
    "Refusal",
    "Sample",
    "Sizes",
    "Source",
    "Split",
    "Upload",
    "abandoned",
    "add_dataset",
    "add_sample",
    "among",
    "as_cached",
    "begin_upload",
    "cache_bytes",
    "cache_side",
    "cancel_upload",
    "check_name",
    "counts",
    "decoded",
    "delete_dataset",
    "existing",
    "found_thumbnail",
    "grid_rows",
    "kept_thumbnail",
    "list_datasets",
    "load_dataset",
    "megabytes",
    "no_upload",
    "open_upload",
    "share_dataset",
    "sizes",
    "split",
    "sweep_partials",
    "sweep_uploads",
    "thumbnail",
]
