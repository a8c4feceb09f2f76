"""Worker processes for tests to kill: ``tests.support.ingest_worker_process``."""

import random
import signal
import subprocess
from pathlib import Path

from tests.support.machine import ROOT, python


class Workers:
    """Worker processes that are killed and started again."""

    def __init__(self, log: str, profiles: str, folder: Path, count: int) -> None:
        self.command = [python(), "-m", "tests.support.ingest_worker_process", log, profiles, str(folder)]
        self.folder = folder
        self.running = {f"w{n}": self._start(f"w{n}") for n in range(count)}
        self.kills = 0

    def _start(self, member: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{member}.log").open("ab") as output:
            return subprocess.Popen([*self.command, member], cwd=ROOT, stdout=output, stderr=output)

    def kill_one(self, draw: random.Random) -> None:
        member = draw.choice(sorted(self.running))
        self.running[member].send_signal(signal.SIGKILL)
        self.running[member].wait(10)
        self.kills += 1
        self.running[member] = self._start(member)

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        codes = [process.wait(30) for process in self.running.values()]
        assert codes == [0] * len(codes), (self.folder / "w0.log").read_text()[-3000:]
