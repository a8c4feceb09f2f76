"""The file of hosts, names and click ids, as lines."""

from tests.support.machine import ROOT


def lines_of_sources() -> list[str]:
    text = (ROOT / "ingest" / "enrich" / "sources" / "sources.tsv").read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
