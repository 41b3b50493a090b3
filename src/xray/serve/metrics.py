"""Metrics for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from xray.predictor.manifest import Manifest
from xray.serve.logs import RequestRecord

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

# Otherwise each counter and histogram would have a second series with the time of its creation.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All metrics of one service, in a registry of its own.

    Args:
        manifest: Manifest of the model.
        in_progress: Returns the number of uploads being received or answered.
        waiting: Returns the number of images that wait for the network.
    """

    def __init__(self, manifest: Manifest, in_progress: Callable[[], int], waiting: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        labels = ("method", "route", "status")
        self._requests = Counter("xray_requests", "Finished requests.", labels, registry=registry)
        self._seconds = Histogram(
            "xray_request_seconds",
            "Time from a request's head to the end of its response.",
            ("route",),
            registry=registry,
            buckets=SECONDS,
        )
        self._errors = Counter("xray_errors", "Requests with an error, by its code.", ("code",), registry=registry)
        self._images = Counter(
            "xray_images",
            "Images predicted, and images rejected as not being chest X-rays.",
            ("outcome",),
            registry=registry,
        )
        self._received = Counter("xray_received_bytes", "Bytes of request bodies received.", registry=registry)
        self.batches = Histogram(
            "xray_batch_images",
            "Images in a pass through the network.",
            registry=registry,
            buckets=(1, 2, 4, 8, 16, 32, 64),
        )
        Gauge("xray_uploads_in_progress", "Uploads being received or answered.", registry=registry).set_function(
            in_progress
        )
        Gauge("xray_images_waiting", "Images waiting for the network.", registry=registry).set_function(waiting)
        model = Gauge("xray_model", "The model, as labels.", ("version", "name", "run", "precision"), registry=registry)
        model.labels(manifest.version, manifest.model, manifest.run or "", manifest.precision).set(1)

    def observe(self, record: RequestRecord) -> None:
        """Count one finished request."""
        self._requests.labels(record.method, record.route, str(record.status)).inc()
        self._seconds.labels(record.route).observe(record.seconds)
        if record.code is not None:
            self._errors.labels(record.code).inc()
        if record.files:
            self._images.labels("predicted").inc(record.predicted)
            self._images.labels("rejected").inc(record.rejected)
            self._received.inc(record.body_bytes)

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
