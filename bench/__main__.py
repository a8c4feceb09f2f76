"""``make bench``: every benchmark, one after another, each in a process of its own. Writes bench/RESULTS.md.

``python -m bench NAME …`` runs the ones named.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOT_A_BENCH = {"__init__", "__main__", "results"}


def names() -> list[str]:
    """The benchmarks there are: each file here that has a ``main``."""
    files = sorted(path for path in HERE.glob("*.py") if path.stem not in NOT_A_BENCH)
    return [path.stem for path in files if "def main(" in path.read_text()]


def run(chosen: list[str]) -> int:
    unknown = set(chosen) - set(names())
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
        return 2
    failed = [
        name
        for name in chosen or names()
        if subprocess.run([sys.executable, "-m", f"bench.{name}"]).returncode
    ]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
