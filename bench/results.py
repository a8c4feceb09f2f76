"""Writes bench/RESULTS.md: one section for each benchmark, with its command, date and machine."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

FILE = Path(__file__).parent / "RESULTS.md"
HEAD = """# Figures

Each section is written by its command. A ratio compares with a floor that was timed in the same run: machines differ
and are noisy, so quote ratios, not seconds.
"""


def record(
    title: str, command: str, header: Sequence[str], rows: Sequence[Sequence[object]], notes: str = ""
) -> None:
    """Print the table and put it in place of the section ``title`` of RESULTS.md."""
    lines = [
        f"## {title}",
        "",
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, {machine()}",
        "",
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
        *(["", notes.strip()] if notes else []),
    ]
    section = "\n".join(lines) + "\n"
    print(section)
    old = FILE.read_text() if FILE.exists() else HEAD
    parts = re.split(r"(?m)^(?=## )", old)
    kept = [part.strip() + "\n" for part in parts if not part.startswith(f"## {title}\n")]
    FILE.write_text("\n".join([*kept, section]))


def machine() -> str:
    """Cores and memory of this machine, and the Python that ran."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def percentiles(values: Sequence[float], *points: int) -> list[float]:
    """The ``points``-th percentiles of ``values`` (nearest rank)."""
    ranked = sorted(values)
    return [ranked[min(len(ranked) - 1, max(0, round(point / 100 * len(ranked)) - 1))] for point in points]
