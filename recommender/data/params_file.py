"""A site's parameter file in TOML: the values that differ from the defaults.

It is written by hand or by ``dangol tune``. Training and serving both read it, so they use the same values.
"""

import logging
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from recommender.data.params import Params, Weights
from tracker.disk import write

log = logging.getLogger("dangol.recommender")


class ParamsInvalid(Exception):
    """The file holds something that is no parameter, or no value for one; says which."""


class ParamsFile:
    """``path`` need not exist: the defaults then hold."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, every: float = 1.0) -> None:
        self.path, self._clock, self._every = path, clock, every
        self._checked = -1e18
        self._stamp: tuple[int, int] | None = None
        self._params = Params()

    def read(self) -> Params:
        """The parameters in force. Raises ParamsInvalid."""
        try:
            found = tomllib.loads(self.path.read_text())
        except FileNotFoundError:
            return Params()
        except (OSError, ValueError, RecursionError) as error:
            raise ParamsInvalid(f"{self.path}: {error}") from error
        for known, given in ((Params, found), (Weights, found.get("weights", {}))):
            for name in given if isinstance(given, dict) else ():
                if name not in known.__struct_fields__:
                    raise ParamsInvalid(f"{self.path}: there is no parameter {name!r}")
        try:
            return msgspec.convert(found, Params)
        except msgspec.ValidationError as error:
            raise ParamsInvalid(f"{self.path}: {error}") from error

    def current(self) -> Params:
        """As ``read``, looked for at most each ``every`` seconds; an unusable file is reported once, and what held
        before stays."""
        now = self._clock()
        if 0 <= now - self._checked < self._every:
            return self._params
        self._checked = now
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError:
            stamp = (0, 0)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._params = self.read()
            except ParamsInvalid as error:
                log.error("parameters as they were: %s", error)
        return self._params

    def write(self, params: Params) -> None:
        """Keep what of ``params`` differs from the defaults."""
        lines = _changed(params, Params())
        weights = _changed(params.weights, Weights())
        text = "\n".join([*lines, *(["", "[weights]", *weights] if weights else [])])
        write(self.path, f"{text}\n".encode())


def _changed(values: Any, usual: Any) -> list[str]:
    """A line for each field that differs; JSON's numbers, strings and lists are TOML's, too."""
    return [
        f"{name} = {msgspec.json.encode(value).decode()}"
        for name in values.__struct_fields__
        if (value := getattr(values, name)) != getattr(usual, name) and not isinstance(value, msgspec.Struct)
    ]
