"""What every report can be narrowed to, as it stands in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from warehouse.question.steps import Step, parse_step

VALUE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """ "" narrows nothing. ``page`` is a path, * matches anything; its visits count whole."""

    segment: str = ""
    channel: str = ""
    device: str = ""
    country: str = ""
    page: str = ""

    @property
    def query(self) -> list[tuple[str, str]]:
        """Those that narrow, as parameters of an address."""
        return [(each.name, value) for each in fields(self) if (value := getattr(self, each.name))]

    @property
    def equal(self) -> dict[str, str]:
        """Columns of an event and what they must be."""
        return {name: value for name, value in self.query if name in ("channel", "device", "country")}

    @property
    def seen(self) -> Step | None:
        """The page as a step. Raises QueryRefused."""
        return parse_step(f"page:{self.page}", "page") if self.page else None

    def without(self, name: str) -> "Filters":
        return replace(self, **{name: ""})


FILTERS = tuple(each.name for each in fields(Filters))


def filters_of(args: Mapping[str, str]) -> Filters:
    """Whatever ``args`` say of them; the others narrow nothing."""
    return Filters(**{name: args.get(name, "").strip()[:VALUE_LIMIT] for name in FILTERS})
