"""A page tells a rate by the macros of desk/macros/shares.html, which say how sure it is; the others have a reason."""

import re

from tests.support.machine import ROOT

REASONS = {
    "desk/models_training.html": "progress",
    "desk/imports/progress.html": "progress",
    "desk/campaigns/segments.html": "a part of all people, who are all counted",
    "desk/campaigns/campaign.html": "campaigns have intervals of their own",
    "desk/macros/shares.html": "the macros themselves",
}


def test_no_template_of_a_report_tells_a_bare_percentage() -> None:
    folder = ROOT / "web/templates"
    bare = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.html")
        if re.search(r"\|\s*percent\b", path.read_text(encoding="utf-8"))
    }
    assert not bare - REASONS.keys()
