"""Import of a Combined log of a million lines, beside GoAccess and beside merely reading it."""

import argparse
import os
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

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


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def parsing(path: Path) -> float:
    from ingest.access_log.format import named
    from ingest.access_log.lines import blocks, opened
    from ingest.access_log.page_views import ImportOptions
    from ingest.access_log.reader import AccessLogReader

    log, started = (
        AccessLogReader(ImportOptions(named("combined"), bench_site(), b"bench")),
        time.perf_counter(),
    )
    with opened(str(path)) as (stream, _):
        for block in blocks(stream, str(path)):
            log.hits(block)
    return time.perf_counter() - started


def bench_site():
    from tracker.sites import new_site

    return new_site("default")


def main() -> None:
    from ingest.access_log.format import named
    from ingest.access_log.importer import Importer
    from ingest.access_log.page_views import ImportOptions
    from warehouse.delta import Warehouse

    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=LINES)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "access.log"
        write(path, lines)
        timed = {"wc -l (floor)": seconds(["wc", "-l", str(path)])}
        if shutil.which("goaccess"):
            command = [
                "goaccess",
                str(path),
                "--log-format=COMBINED",
                "--no-global-config",
                "-o",
                f"{name}/out.json",
            ]
            timed["GoAccess, into its report"] = seconds(command)
        importer = Importer(
            Warehouse(f"{name}/warehouse"), ImportOptions(named("combined"), bench_site(), b"bench")
        )
        processor, started = sum(os.times()[:4]), time.perf_counter()
        summary = importer.file(str(path))
        timed["import-log, into the warehouse"] = time.perf_counter() - started
        processor = sum(os.times()[:4]) - processor
        timed["the same file again"] = -time.perf_counter()
        again = importer.file(str(path))
        timed["the same file again"] += time.perf_counter()
        assert summary.lines == lines
        assert again.added == 0
        timed["parsing and filtering alone, in one process"] = parsing(path)
        size = path.stat().st_size
    ours = timed["import-log, into the warehouse"]
    beside = (
        f" {timed['GoAccess, into its report'] / ours:.1f} times GoAccess."
        if "GoAccess, into its report" in timed
        else " GoAccess is not installed here."
    )
    record(
        "Access-log import",
        "python -m bench.access_log",
        ("what", "lines/s", "seconds"),
        [(what, f"{lines / took:,.0f}", f"{took:.1f}") for what, took in timed.items()],
        f"{lines:,} lines, {size / 2**20:.0f} MiB, Combined; {summary.counted:,} page views of them counted.{beside} "
        f"Processor time of the import: {processor:.1f} s, {lines / processor:,.0f} lines a processor second.",
    )


if __name__ == "__main__":
    main()
