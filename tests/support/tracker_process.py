"""A server that serves collection alone, as a process, and requests on connections of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.support.installation import WRITE
from tests.support.machine import ROOT

TRACK = f'{{"writeKey": "{WRITE}", "anonymousId": "v1", "event": "Product Viewed"}}'
REQUESTS = (("POST", "/v1/track", TRACK), ("GET", "/desk/login", None))  # the tracker's own, and the rest


def status_of(port: int, method: str, path: str, body: str | None) -> str:
    """The status of an answer that was read whole, or the name of what went wrong."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
    return str(answer.status)


@contextmanager
def tracker_alone(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environ = {
        **os.environ,
        "DANGOL_DATA": str(folder),
        "DANGOL_PORT": str(port),
        "DANGOL_LOG": "redis://127.0.0.1:1/0",  # down: it spools
        "DANGOL_PROFILES": "redis://127.0.0.1:1/0",
        "DANGOL_WRITE_KEY": WRITE,
    }
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "dangol", "tracker"], env=environ, cwd=ROOT, stdout=said, stderr=said
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
