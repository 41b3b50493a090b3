"""Speed of the service compared with a plain handler, its start, its memory, and its answers to hostile files.

Full-size JPEG files are sent, on two cores that the clients share. The peer is `peers/plain_service.py`: the eager
model behind a handler as in FastAPI's documentation. The services run side by side, and one at a time gets requests.

- throughput: images per second and latency with 32 concurrent clients, and latency with one client
- start: seconds from the command to /ready, with the ONNX file
- memory: growth over 20,000 requests
- clients: 200 concurrent clients for a minute; every request is answered or rejected, none is lost
- hostile: hostile files, to /predict and to /explain
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from hostile import hostile_files
from load import Load, form, full_size_images, load
from measure import alternate, describe_machine, ratio
from services import Running, running, serve
from xray.runs.run import find_model

CLIENTS, MANY_CLIENTS = 32, 200
CORES = 2
SETTLES_IN = 5.0
"""Seconds until freed memory has gone back to the system."""
PLAIN, PLAIN_TUNED, SINGLE, INT8 = "plain handler", "plain handler, torch with one thread", "fp32", "int8"


def throughput(
    checkpoint: Path, models: dict[str, Path], forms: Sequence[bytes], seconds: float, repeats: int, folder: Path
) -> None:
    """Print images per second and latency, with many clients and with one; the services take turns."""
    plain = [str(Path(__file__).parent / "peers" / "plain_service.py"), "--checkpoint", str(checkpoint)]
    commands = {PLAIN: plain, PLAIN_TUNED: [*plain, "--threads", "1"]}
    commands |= {name: serve(model) for name, model in models.items()}
    loads: dict[tuple[str, int], list[Load]] = {(name, clients): [] for name in commands for clients in (CLIENTS, 1)}
    used: dict[str, list[float]] = {name: [] for name in commands}

    def turn(name: str, service: Running, clients: int) -> float:
        before = service.cpu_seconds()
        done = load(service.port, forms, clients, seconds)
        done.expect(200)
        loads[name, clients].append(done)
        if clients == CLIENTS:
            used[name].append(1000 * (service.cpu_seconds() - before) / done.statuses.total())
        return done.rate

    with ExitStack() as stack:
        services = {name: stack.enter_context(running(words, folder)) for name, words in commands.items()}
        for clients in (CLIENTS, 1):
            turns = {name: partial(turn, name, service, clients) for name, service in services.items()}
            alternate(turns, repeats)

    def figures(name: str, clients: int, of: Callable[[Load], float]) -> list[float]:
        return [of(done) for done in loads[name, clients][1:]]

    columns: list[tuple[str, int, str, float, Callable[[Load], float]]] = [
        ("images/s", CLIENTS, ".0f", 1, lambda done: done.rate),
        ("p50, ms", CLIENTS, ".0f", 1000, lambda done: done.percentile(0.5)),
        ("p99, ms", CLIENTS, ".0f", 1000, lambda done: done.percentile(0.99)),
        ("p50 of one client, ms", 1, ".1f", 1000, lambda done: done.percentile(0.5)),
    ]
    titles = [f"service, {CLIENTS} clients", *(title for title, *_ in columns), "CPU, ms per image"]
    print(f"\n| {' | '.join(titles)} |")
    print("| --- |" + " --- |" * (len(columns) + 1))
    for name in commands:
        medians = [
            format(factor * statistics.median(figures(name, clients, of)), form)
            for _, clients, form, factor, of in columns
        ]
        print(f"| {name} | " + " | ".join(medians) + f" | {statistics.median(used[name][1:]):.1f} |")
    print(f"\n| ratio to the {PLAIN} | images/s | p99 | p50 of one client |\n| --- | --- | --- | --- |")
    for name in [name for name in commands if name != PLAIN]:
        ratios = [
            ratio(figures(name, clients, of), figures(PLAIN, clients, of))
            for title, clients, _, _, of in columns
            if title != "p50, ms"
        ]
        print(f"| {name} | " + " | ".join(ratios) + " |")
    print("| target | 2 in fp32, 3 in int8 | 1 at most | 0.5 at most |")
    client = statistics.median(done.client_seconds / done.seconds for name in models for done in loads[name, CLIENTS])
    print(f"\n{repeats} rounds of {seconds:g} s; the clients of our service take {client:.0%} of one core.")


def start(model: Path, repeats: int, folder: Path) -> None:
    """Print the seconds from the command to /ready."""
    found = []
    for _ in range(repeats + 1):
        with running(serve(model), folder) as service:
            found.append(service.ready_after)
    kept = sorted(found[1:])
    print("\n| start of `serve` to /ready, ONNX | seconds | range | target |\n| --- | --- | --- | --- |")
    print(f"| fp32 | {statistics.median(kept):.2f} | {kept[0]:.2f} to {kept[-1]:.2f} | 3 |")


def memory(model: Path, forms: Sequence[bytes], count: int, folder: Path) -> None:
    """Print the growth of memory over many requests, after a tenth as many to warm up."""
    with running(serve(model), folder) as service:
        load(service.port, forms, CLIENTS, count=count // 10)
        held = [settled(service)]
        for _ in range(10):
            done = load(service.port, forms, CLIENTS, count=count // 10)
            done.expect(200)
            held.append(settled(service))
            print(f"{held[-1]:.1f} MiB", file=sys.stderr, flush=True)
    growth = held[-1] / held[0] - 1
    print(f"\n| memory (RssAnon) | after {count // 10:,} requests | after {count:,} more | growth | most | target |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(f"| fp32 | {held[0]:.0f} MiB | {held[-1]:.0f} MiB | {growth:+.1%} | {max(held):.0f} MiB | below 5% |")


def settled(service: Running) -> float:
    """Return the memory of the service while no request is in progress, in MiB."""
    time.sleep(SETTLES_IN)
    return service.mebibytes()


def clients(model: Path, forms: Sequence[bytes], seconds: float, folder: Path) -> None:
    """Send from many clients at once: every request must get a response."""
    with running(serve(model), folder) as service:
        done = load(service.port, forms, MANY_CLIENTS, seconds)
    answers = ", ".join(f"{count:,} with {status}" for status, count in sorted(done.statuses.items()))
    print(f"\n{MANY_CLIENTS} concurrent clients for {seconds:g} s: {answers}; {done.lost.total()} lost.")
    done.expect(200, 503)


def hostile(model: Path, images: Sequence[bytes], count: int, folder: Path) -> None:
    """Send hostile files to both paths: none may get a 5xx or keep the next image from its prediction."""
    files = hostile_files(images, count)
    kinds = list(dict.fromkeys(file.kind for file in files))
    print(f"\n| {count:,} hostile files | files | /predict | /explain |\n| --- | --- | --- | --- |")
    with running(serve(model), folder) as service:
        for kind in kinds:
            cells = []
            for path, file_field in (("/predict", "files"), ("/explain", "file")):
                forms = [form(file_field, file.content, file.name) for file in files if file.kind == kind]
                # Four clients, as many as explanations that may wait, so that none is rejected for the load.
                done = load(service.port, forms, 4, count=len(forms), path=path)
                done.expect(200, 400, 413, 415, 422)
                load(service.port, [form("files", images[0])], 1, count=1).expect(200)
                cells.append(", ".join(f"{status}: {number}" for status, number in sorted(done.statuses.items())))
            print(f"| {kind} | {len(forms)} | {' | '.join(cells)} |", flush=True)
        faults = service.log.read_text(encoding="utf-8").count('"event": "fault"')
    assert not faults, f"{faults} faults in the log of the service"


def main() -> None:
    """Export the files that are not given, then measure the chosen parts."""
    parts = ("throughput", "start", "memory", "clients", "hostile")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="", help="a run or a checkpoint; by default the newest run")
    parser.add_argument("--onnx", type=Path, help="its export in single precision; made by default")
    parser.add_argument("--int8", type=Path, help="its export in int8; made by default")
    parser.add_argument("--images", type=Path, required=True, help="folder with NORMAL and PNEUMONIA, full size")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="PART", help=", ".join(parts))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=6.0, help="of one turn")
    parser.add_argument("--requests", type=int, default=20_000, help="of memory")
    parser.add_argument("--clients-seconds", type=float, default=60.0)
    parser.add_argument("--files", type=int, default=2_000, help="of hostile")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    checkpoint = find_model(options.run)
    images = full_size_images(options.images)
    forms = [form("files", image) for image in images]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        models = {SINGLE: options.onnx, INT8: options.int8}
        for precision, given in models.items():
            if given is None:
                models[precision] = folder / f"{precision}.onnx"
                words = [str(checkpoint), "--precision", precision, "--out", str(models[precision])]
                subprocess.run([sys.executable, "-m", "xray", "export", *words], stdout=sys.stderr, check=True)
        if "throughput" in options.only:
            throughput(checkpoint, models, forms, options.seconds, options.repeats, folder)
        if "start" in options.only:
            start(models[SINGLE], options.repeats, folder)
        if "memory" in options.only:
            memory(models[SINGLE], forms, options.requests, folder)
        if "clients" in options.only:
            clients(models[SINGLE], forms, options.clients_seconds, folder)
        if "hostile" in options.only:
            hostile(models[SINGLE], images, options.files, folder)
    print(f"\n{describe_machine()}")


if __name__ == "__main__":
    main()
