"""What the service is worth: its speed against a plain handler, its start, its memory, and whether it can be broken.

Served are full-size JPEG files, on two cores that the client shares. The peer is `peers/plain_service.py`: the eager
model behind a handler as the documentation of FastAPI has it. Services run side by side, one at a time is asked.

- throughput: images per second and latency at 32 callers at a time, and latency of one caller alone
- start: seconds from the command to /ready, of the ONNX file
- memory: growth over 20,000 requests
- clients: 200 callers at a time for a minute; every request is answered or rejected, none is lost
- fuzz: hostile files, at /predict and at /explain, and schemathesis with the service's own description
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from hostile import hostile_files
from load import HOST, Load, form_request, full_size_images, load
from measure import alternate, describe_machine, ratio
from services import Running, running, serve
from xray.runs.run import find_model

CALLERS, MANY_CALLERS = 32, 200
CORES = 2
SETTLES_IN = 5.0
"""Seconds until free memory has gone back to the system."""
PLAIN, PLAIN_TUNED, SINGLE, INT8 = "plain handler", "plain handler, torch with one thread", "fp32", "int8"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)


def throughput(
    checkpoint: Path, models: dict[str, Path], requests: Sequence[bytes], seconds: float, repeats: int, folder: Path
) -> None:
    """Images per second and latency, of many callers and of one, in turns."""
    plain = [str(Path(__file__).parent / "peers" / "plain_service.py"), "--checkpoint", str(checkpoint)]
    commands = {PLAIN: plain, PLAIN_TUNED: [*plain, "--threads", "1"]}
    commands |= {name: serve(model) for name, model in models.items()}
    loads: dict[tuple[str, int], list[Load]] = {(name, callers): [] for name in commands for callers in (CALLERS, 1)}
    used: dict[str, list[float]] = {name: [] for name in commands}

    def turn(name: str, service: Running, callers: int) -> float:
        before = service.cpu_seconds()
        done = load(service.port, requests, callers, seconds)
        done.expect(200)
        loads[name, callers].append(done)
        if callers == CALLERS:
            used[name].append(1000 * (service.cpu_seconds() - before) / done.statuses.total())
        return done.rate

    with ExitStack() as stack:
        services = {name: stack.enter_context(running(words, folder)) for name, words in commands.items()}
        for callers in (CALLERS, 1):
            turns = {name: partial(turn, name, service, callers) for name, service in services.items()}
            alternate(turns, repeats)

    def figures(name: str, callers: int, of: Callable[[Load], float]) -> list[float]:
        return [of(done) for done in loads[name, callers][1:]]

    columns: list[tuple[str, int, str, float, Callable[[Load], float]]] = [
        ("images/s", CALLERS, ".0f", 1, lambda done: done.rate),
        ("p50, ms", CALLERS, ".0f", 1000, lambda done: done.percentile(0.5)),
        ("p99, ms", CALLERS, ".0f", 1000, lambda done: done.percentile(0.99)),
        ("p50 of one caller, ms", 1, ".1f", 1000, lambda done: done.percentile(0.5)),
    ]
    titles = [f"service, {CALLERS} callers", *(title for title, *_ in columns), "CPU, ms an image"]
    print(f"\n| {' | '.join(titles)} |")
    print("| --- |" + " --- |" * (len(columns) + 1))
    for name in commands:
        medians = [
            format(factor * statistics.median(figures(name, callers, of)), form)
            for _, callers, form, factor, of in columns
        ]
        print(f"| {name} | " + " | ".join(medians) + f" | {statistics.median(used[name][1:]):.1f} |")
    print(f"\n| over the {PLAIN} | images/s | p99 | p50 of one caller |\n| --- | --- | --- | --- |")
    for name in [name for name in commands if name != PLAIN]:
        ratios = [
            ratio(figures(name, callers, of), figures(PLAIN, callers, of))
            for title, callers, _, _, of in columns
            if title != "p50, ms"
        ]
        print(f"| {name} | " + " | ".join(ratios) + " |")
    print("| wanted | 2 in fp32, 3 in int8 | 1 at most | 0.5 at most |")
    client = statistics.median(done.client_seconds / done.seconds for name in models for done in loads[name, CALLERS])
    print(f"\n{repeats} rounds of {seconds:g} s; beside our service the client takes {client:.0%} of one core.")


def start(model: Path, repeats: int, folder: Path) -> None:
    """Seconds to /ready."""
    found = []
    for _ in range(repeats + 1):
        with running(serve(model), folder) as service:
            found.append(service.ready_after)
    kept = sorted(found[1:])
    print("\n| start of `serve` to /ready, ONNX | seconds | range | wanted |\n| --- | --- | --- | --- |")
    print(f"| fp32 | {statistics.median(kept):.2f} | {kept[0]:.2f} to {kept[-1]:.2f} | 3 |")


def memory(model: Path, requests: Sequence[bytes], count: int, folder: Path) -> None:
    """Growth over many requests, after as many as a tenth of them."""
    with running(serve(model), folder) as service:
        load(service.port, requests, CALLERS, count=count // 10)
        held = [settled(service)]
        for _ in range(10):
            done = load(service.port, requests, CALLERS, count=count // 10)
            done.expect(200)
            held.append(settled(service))
            print(f"{held[-1]:.1f} MiB", file=sys.stderr, flush=True)
    growth = held[-1] / held[0] - 1
    print(f"\n| memory (RssAnon) | after {count // 10:,} requests | after {count:,} more | growth | most | wanted |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(f"| fp32 | {held[0]:.0f} MiB | {held[-1]:.0f} MiB | {growth:+.1%} | {max(held):.0f} MiB | below 5% |")


def settled(service: Running) -> float:
    """What the service holds when nothing is under way, MiB."""
    time.sleep(SETTLES_IN)
    return service.mebibytes()


def clients(model: Path, requests: Sequence[bytes], seconds: float, folder: Path) -> None:
    """Many callers at a time: none may be without an answer."""
    with running(serve(model), folder) as service:
        done = load(service.port, requests, MANY_CALLERS, seconds)
    answers = ", ".join(f"{count:,} with {status}" for status, count in sorted(done.statuses.items()))
    print(f"\n{MANY_CALLERS} callers at a time for {seconds:g} s: {answers}; {done.lost.total()} lost.")
    done.expect(200, 503)


def fuzz(model: Path, images: Sequence[bytes], count: int, examples: int, folder: Path) -> None:
    """Hostile files to both paths, then requests from the service's own description."""
    files = hostile_files(images, count)
    kinds = list(dict.fromkeys(file.kind for file in files))
    counts: dict[tuple[str, str], Counter[int]] = {}
    good = form_request("/predict", "files", images[0])
    with running(serve(model), folder) as service:
        for path, file_field in (("/predict", "files"), ("/explain", "file")):
            for kind in kinds:
                asked = [form_request(path, file_field, file.content, file.name) for file in files if file.kind == kind]
                # No more callers than explanations at a time, so that none is rejected for being one too many.
                done = load(service.port, asked, 4, count=len(asked))
                assert not done.lost, f"{path}, {kind}: {dict(done.lost)}"
                counts[path, kind] = done.statuses
                load(service.port, [good], 1, count=1).expect(200)
        print(f"\n| {count:,} hostile files | files | /predict | /explain |\n| --- | --- | --- | --- |")
        for kind in kinds:
            cells = [
                ", ".join(f"{status}: {number}" for status, number in sorted(counts[path, kind].items()))
                for path in ("/predict", "/explain")
            ]
            print(f"| {kind} | {sum(file.kind == kind for file in files)} | {' | '.join(cells)} |")
        print(f"\n{_schemathesis(service.port, examples, folder)}")
        faults = service.log.read_text(encoding="utf-8").count('"event": "fault"')
    assert not faults, f"{faults} faults in the log of the service"
    assert max(status for statuses in counts.values() for status in statuses) < 500, "an answer of 5xx"


def _schemathesis(port: int, examples: int, folder: Path) -> str:
    """Ask what the service's own description allows and what it does not; what that tells in a line."""
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "run", f"http://{HOST}:{port}/openapi.json", "--checks", CHECKS, "--seed", "1"]
    command += ["--max-examples", str(examples), "--no-color", "--suppress-health-check", "all"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"schemathesis: {done.stdout[-4000:]}{done.stderr[-1000:]}"
    lines = [line.strip() for line in done.stdout.splitlines()]
    return "schemathesis: " + next(line for line in lines if " generated, " in line)


def main() -> None:
    """Export what is missing, then measure the parts asked for."""
    parts = ("throughput", "start", "memory", "clients", "fuzz")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="", help="a run or a checkpoint; the newest run if left out")
    parser.add_argument("--onnx", type=Path, help="export of it in single precision; made if left out")
    parser.add_argument("--int8", type=Path, help="export of it in int8; made if left out")
    parser.add_argument("--images", type=Path, required=True, help="folder with NORMAL and PNEUMONIA, full size")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="PART", help=", ".join(parts))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=6.0, help="of one turn")
    parser.add_argument("--requests", type=int, default=20_000, help="of memory")
    parser.add_argument("--clients-seconds", type=float, default=60.0)
    parser.add_argument("--hostile", type=int, default=2_000, help="files of fuzz")
    parser.add_argument("--examples", type=int, default=100, help="of schemathesis, for each path")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    checkpoint = find_model(options.run)
    images = full_size_images(options.images)
    requests = [form_request("/predict", "files", image) for image in images]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        models = {SINGLE: options.onnx, INT8: options.int8}
        for precision, given in models.items():
            if given is None:
                models[precision] = folder / f"{precision}.onnx"
                words = [str(checkpoint), "--precision", precision, "--out", str(models[precision])]
                subprocess.run([sys.executable, "-m", "xray", "export", *words], stdout=sys.stderr, check=True)
        if "throughput" in options.only:
            throughput(checkpoint, models, requests, options.seconds, options.repeats, folder)
        if "start" in options.only:
            start(models[SINGLE], options.repeats, folder)
        if "memory" in options.only:
            memory(models[SINGLE], requests, options.requests, folder)
        if "clients" in options.only:
            clients(models[SINGLE], requests, options.clients_seconds, folder)
        if "fuzz" in options.only:
            fuzz(models[SINGLE], images, options.hostile, options.examples, folder)
    print(f"\n{describe_machine()}")


if __name__ == "__main__":
    main()
