"""What runs below a process, and what it is: read from /proc."""

from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    pid: int
    parent: int
    words: tuple[str, ...]


def running() -> dict[int, Process]:
    """Every living process of this machine, by its id."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (path / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if state != "Z":
            found[int(path.name)] = Process(int(path.name), int(parent), tuple(words))
    return found


def below(pid: int) -> list[Process]:
    """The processes that ``pid`` started, and those that they started."""
    everything = running()
    found: list[Process] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        children = [each for each in everything.values() if each.parent == parent]
        found += children
        waiting += [each.pid for each in children]
    return found


def servers(port: int) -> dict[int, int]:
    """The HTTP server's processes of the installation at ``port``, also orphaned ones: process id → parent's."""
    found = {}
    for each in running().values():
        try:
            environ = Path(f"/proc/{each.pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"DANGOL_PORT={port}".encode() in environ and {"serve", "tracker"} & set(each.words):
            found[each.pid] = each.parent
    return found


def victims(port: int, which: str) -> list[int]:
    """A "worker" of the HTTP server, the "server" that keeps the workers, or "both"."""
    found = servers(port)
    main = [pid for pid, parent in found.items() if parent not in found]
    workers = [pid for pid, parent in found.items() if parent in found]
    return {"worker": workers[:1], "server": main, "both": main + workers}[which]
