"""A server's metrics as Prometheus reads them, computed from its status when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from proxyapp.engine.figures import FIGURES, PREFIX, Figure, Kind

_FAMILIES: dict[Kind, type[GaugeMetricFamily | CounterMetricFamily]] = {
    Kind.GAUGE: GaugeMetricFamily,
    Kind.COUNTER: CounterMetricFamily,
}


class _Figures(Collector):
    """Reads a status by the table."""

    def __init__(self, status: dict[str, Any]) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """Yield a family for each figure that the status has."""
        for figure in FIGURES:
            family = _family(figure)
            for label, value in figure.read(self._status):
                family.add_metric([label] if figure.label else [], value)
            if family.samples:
                yield family


def _family(figure: Figure) -> GaugeMetricFamily | CounterMetricFamily:
    labels = [figure.label] if figure.label else []
    return _FAMILIES[figure.kind](PREFIX + figure.name, figure.meaning, labels=labels)


def write(status: dict[str, Any], accept: str) -> tuple[bytes, str]:
    """Return the metrics, and their media type: OpenMetrics for who takes it, else text.

    Args:
        status: what `Worker.figures` gives.
        accept: the Accept header of who asks.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(status))
    ProcessCollector(registry=registry)
    encode: Callable[[CollectorRegistry], bytes]
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type
