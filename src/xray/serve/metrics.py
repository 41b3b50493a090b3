"""Figures for Prometheus."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from xray.predictor.manifest import Manifest
from xray.serve.logs import RequestRecord

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """All figures of one service, in a registry of its own.

    Args:
        manifest: Of the model.
        under_way: Tells how many requests are received or answered.
        waiting: Tells how many images wait for the network.
    """

    def __init__(self, manifest: Manifest, under_way: Callable[[], int], waiting: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        labels = ("method", "route", "status")
        self._requests = Counter("xray_requests", "Requests answered.", labels, registry=registry)
        self._seconds = Histogram(
            "xray_request_seconds",
            "Time from a request's head to its answer.",
            ("route",),
            registry=registry,
            buckets=SECONDS,
        )
        self._errors = Counter(
            "xray_errors", "Requests not answered, by their error's code.", ("code",), registry=registry
        )
        self._images = Counter(
            "xray_images", "Images predicted, and rejected as no chest X-rays.", ("outcome",), registry=registry
        )
        self._received = Counter("xray_received_bytes", "Bytes of files received.", registry=registry)
        self._batches = Histogram(
            "xray_batch_images",
            "Images in a pass through the network.",
            registry=registry,
            buckets=(1, 2, 4, 8, 16, 32, 64),
        )
        Gauge("xray_requests_under_way", "Requests received or answered now.", registry=registry).set_function(
            under_way
        )
        Gauge("xray_images_waiting", "Images that wait for the network now.", registry=registry).set_function(waiting)
        model = Gauge("xray_model", "The model, as labels.", ("version", "name", "run", "precision"), registry=registry)
        model.labels(manifest.version, manifest.model, manifest.run or "", manifest.precision).set(1)

    def observe_batch(self, images: int) -> None:
        """Count one pass through the network."""
        self._batches.observe(images)

    def observe(self, record: RequestRecord) -> None:
        """Count one request that has ended."""
        self._requests.labels(record.method, record.route, str(record.status)).inc()
        self._seconds.labels(record.route).observe(record.seconds)
        if record.code is not None:
            self._errors.labels(record.code).inc()
        if record.files:
            self._images.labels("predicted").inc(record.predicted)
            self._images.labels("rejected").inc(record.rejected)
            self._received.inc(record.file_bytes)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)
