"""Import of a Combined log of a million lines, beside GoAccess and beside merely reading it."""

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bench.results import record
from tracker.durations import DAY_SECONDS

LINES = 1_000_000
VISITORS = 40_000
BROWSERS = [
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.{build}.0 Safari/537.36"
    for system in (
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "Linux; Android 14; SM-S918N",
    )
    for version in range(90, 140)
    for build in (4430, 5060, 6099)
]
BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
]
OUTSIDE = ["-", "https://www.google.com/", "https://search.naver.com/search.naver?query=%BF%EE%B5%BF%C8%AD"]
OWN = "https://shop.example"


def write(path: Path, lines: int) -> None:
    """A week of a shop: 55 % static files, 33 % pages, 8 % bots, 3 % errors, 1 % HEAD; by time."""
    rng = random.Random(7)
    visitors = [
        (".".join(str(rng.randrange(1, 255)) for _ in range(4)), rng.choice(BROWSERS))
        for _ in range(VISITORS)
    ]
    start = 1_772_582_400  # 4 March 2026
    with path.open("w") as file:
        for index in range(lines):
            at = time.gmtime(start + index * 7 * DAY_SECONDS // lines)
            ip, ua = visitors[min(int(rng.paretovariate(0.6)) - 1, VISITORS - 1)]
            ip, ua = (ip, ua) if rng.random() < 0.4 else rng.choice(visitors)
            dice, item, status, method = rng.random(), rng.randrange(20_000), 200, "GET"
            target, referrer = f"/product/{item}?color={item % 7}", OWN + f"/category/{item % 50}"
            if dice < 0.55:
                target, referrer = f"/static/img/{item}.jpg", f"{OWN}/product/{item}"
            elif dice < 0.63:
                ua = rng.choice(BOTS)
            elif dice < 0.66:
                status = 404
            elif dice < 0.67:
                method = "HEAD"
            elif dice < 0.72:
                referrer = rng.choice(OUTSIDE)
            stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", at)
            file.write(
                f'{ip} - - [{stamp}] "{method} {target} HTTP/1.1" {status} {item} "{referrer}" "{ua}"\n'
            )


class Run(NamedTuple):
    """Wall-clock seconds, processor seconds, and the most memory of all processes together in MiB (resident)."""

    seconds: float
    processor: float
    memory: float


def run(command: list[str], environ: dict[str, str] | None = None) -> Run:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environ or {})}
    )
    most = 0
    while child.poll() is None:
        most = max(most, sum(map(resident, descendants(child.pid))))
        time.sleep(0.03)
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert child.returncode == 0, command
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(took, processor, most / 1024)


def descendants(process: int) -> list[int]:
    """The process and those that it and its threads started."""
    found = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                found += descendants(int(child))
    return found


def resident(process: int) -> int:
    """KiB, 0 for a process that has ended."""
    with suppress(OSError):
        for text in Path(f"/proc/{process}/status").read_text().splitlines():
            if text.startswith("VmRSS:"):
                return int(text.split()[1])
    return 0


def best(runs: list[Run]) -> Run:
    return Run(
        min(each.seconds for each in runs),
        min(each.processor for each in runs),
        max(each.memory for each in runs),
    )


def row(what: str, lines: int, each: Run) -> tuple[str, ...]:
    speed = f"{lines / each.seconds:,.0f}"
    return what, speed, f"{each.seconds:.1f}", f"{each.processor:.1f}", f"{each.memory:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    timed: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "access.log"
        write(path, options.lines)
        for number in range(options.rounds):  # in turn, so that a noisy neighbour hits both
            command = [sys.executable, "-m", "dangol", "import-log", str(path)]
            environ = {"DANGOL_DATA": f"{name}/data{number}"}
            timed.setdefault("wc -l (floor)", []).append(run(["wc", "-l", str(path)]))
            if shutil.which("goaccess"):
                goaccess = [
                    "goaccess",
                    str(path),
                    "--log-format=COMBINED",
                    "--no-global-config",
                    "--no-progress",
                ]
                timed.setdefault("GoAccess, into its report", []).append(
                    run([*goaccess, "-o", f"{name}/out.json"])
                )
            timed.setdefault("import-log, whole command", []).append(run(command, environ))
            timed.setdefault("the same file again", []).append(run(command, environ))
        size = path.stat().st_size
    figures = {what: best(runs) for what, runs in timed.items()}
    ours, theirs = figures["import-log, whole command"], figures.get("GoAccess, into its report")
    beside = "GoAccess is not installed here."
    if theirs:
        beside = (
            f"{theirs.seconds / ours.seconds:.1f} times GoAccess by the clock, {theirs.processor / ours.processor:.1f} "
            "times by the processor."
        )
    record(
        "Access-log import",
        "python -m bench.access_log",
        ("what", "lines/s", "seconds", "processor seconds", "memory, MiB"),
        [
            (
                what,
                f"{options.lines / each.seconds:,.0f}",
                f"{each.seconds:.1f}",
                f"{each.processor:.1f}",
                f"{each.memory:.0f}",
            )
            for what, each in figures.items()
        ],
        f"{options.lines:,} lines, {size / 2**20:.0f} MiB, Combined; best of {options.rounds} rounds, most memory "
        f"(resident, all processes, Redis among them). {beside} Load before the run: {load:.1f}.",
    )


if __name__ == "__main__":
    main()
