"""Whatever happens to the disk and the process: what was acknowledged is read once, and in order."""

import tempfile
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.support.faulty_disk import FULL, Crash, FaultyDisk
from tracker.delivery import spool
from tracker.delivery.spool import Spool
from tracker.log.port import LogUnavailable, Record

State = Literal["required", "possible", "gone"]
OPERATIONS = ("create", "write", "sync", "truncate", "replace", "unlink")
FUSES = st.none() | st.none() | st.integers(0, 12)
FAULTS = (
    st.just(set[str]())
    | st.sets(st.sampled_from(OPERATIONS), max_size=1)
    | st.sets(st.sampled_from(OPERATIONS))
)


class SpoolMachine(RuleBasedStateMachine):
    """``states`` is what each record, by its number, must do: come, perhaps come, or never come again.

    ``read_to``: this life has been given everything before it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(spool, "SEGMENT_BYTES", 150)
        self.folder = tempfile.TemporaryDirectory()
        self.disk = FaultyDisk(Path(self.folder.name), self.patch)
        self.box = Spool(Path(self.folder.name) / "0", limit=5_000)
        self.states: list[State] = []
        self.read_to = 0

    def teardown(self) -> None:
        try:
            self.restart()
            self.drain_all()
            assert "required" not in self.states, "acknowledged and never read"
        finally:
            self.disk.revive()
            self.patch.undo()
            self.folder.cleanup()

    @rule(count=st.integers(1, 4), size=st.integers(0, 60), fuse=FUSES, faults=FAULTS, data=st.data())
    def write(self, count: int, size: int, fuse: int | None, faults: set[str], data: st.DataObject) -> None:
        first = len(self.states)
        self.states += ["possible"] * count
        self._arm(fuse, faults)
        try:
            self.box.write([Record("k", b"%d " % (first + n) + b"x" * size) for n in range(count)])
        except LogUnavailable as refused:
            assert faults or "full" in str(refused)
        except Crash:
            self._come_back(data)
        else:
            self.states[first:] = ["required"] * count
        self._arm(None, set())

    @rule(limit=st.integers(1, 6), fuse=FUSES, faults=FAULTS, data=st.data())
    def read_and_drop(self, limit: int, fuse: int | None, faults: set[str], data: st.DataObject) -> None:
        self._arm(fuse, faults)
        told: list[int] = []
        try:
            told = self._read(limit)
            if told:
                self.disk.failed = False
                self.box.drop()
        except OSError:
            assert faults, "nothing failed"
        except Crash:
            self._mark(told, "possible")
            self._come_back(data)
        else:
            # A drop that the disk did not take holds for this life only.
            self._mark(told, "possible" if self.disk.failed else "gone")
            self.read_to = max([self.read_to, *(n + 1 for n in told)])
        self._arm(None, set())

    @rule()
    def restart(self) -> None:
        self.box.close()
        self.read_to = 0
        self.box = Spool(self.box.folder, limit=5_000)

    @rule(fuse=st.integers(0, 4), data=st.data())
    def crash_at_a_start(self, fuse: int, data: st.DataObject) -> None:
        self.box.close()
        self._arm(fuse, set())
        try:
            self.box = Spool(self.box.folder, limit=5_000)
        except Crash:
            self._come_back(data)
        self.read_to = 0
        self._arm(None, set())

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        self._come_back(data)

    @precondition(lambda self: "required" in self.states)
    @rule()
    def drain_all(self) -> None:
        while told := self._read(3):
            self.box.drop()
            self._mark(told, "gone")
            self.read_to = told[-1] + 1
        assert self.box.empty
        assert "required" not in self.states[self.read_to :]

    def _read(self, limit: int) -> list[int]:
        told = [int(record.value.split()[0]) for record in self.box.read(limit)]
        at = self.read_to
        for number in told:
            assert number >= at, "out of order, or given twice"
            assert self.states[number] != "gone", "read again after it was dropped"
            assert "required" not in self.states[at:number], "passed over"
            at = number + 1
        return told

    def _mark(self, told: list[int], state: State) -> None:
        for number in told:
            self.states[number] = state

    def _arm(self, fuse: int | None, faults: set[str]) -> None:
        self.disk.fuse, self.disk.faults, self.disk.failed = fuse, dict.fromkeys(faults, FULL), False

    def _come_back(self, data: st.DataObject) -> None:
        self.disk.revive()
        if data.draw(st.booleans(), "loses power"):
            self.disk.lose_power(lambda outcomes: outcomes[data.draw(st.integers(0, len(outcomes) - 1))])
        self.read_to = 0
        self.box = Spool(self.box.folder, limit=5_000)


SpoolMachine.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestSpool: Any = pytest.mark.slow(SpoolMachine.TestCase)
