"""The disk of the data folder, for the metrics of the embedded stack."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from stream.declared import API, computed

DATA_FREE_BYTES: Final = computed(
    "dawalog_data_folder_free_bytes",
    "Space left where the embedded stack keeps its data",
    unit="bytes",
    by=API,
)
DATA_SIZE_BYTES: Final = computed(
    "dawalog_data_folder_size_bytes",
    "Size of the file system on which the embedded stack keeps its data",
    unit="bytes",
    by=API,
)


class DataFolder(Collector):
    """Asked at each scrape. A folder that can't be looked at has no figures."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        try:
            disk = shutil.disk_usage(self._folder)
        except OSError:
            return
        for metric, value in ((DATA_FREE_BYTES, disk.free), (DATA_SIZE_BYTES, disk.total)):
            family = metric.family()
            family.add_metric([], value)
            yield family


def watch_disk(folder: Path) -> None:
    REGISTRY.register(DataFolder(folder))
