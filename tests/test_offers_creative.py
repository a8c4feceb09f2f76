"""Hostile creatives: what a marketer (or whoever has their password) writes never runs in a visitor's page."""

import pytest

from offers.creative import sanitise

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\"jAvAsCrIpT&#58;alert(1)\">x</a>",
    "<a href=\"java\tscript:alert(1)\">x</a>",
    "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mi xlink:href=\"javascript:alert(1)\">x</mi></math>",
    "<iframe src=\"javascript:alert(1)\"></iframe>",
    "<form action=https://evil.example><input name=password></form>",
    "<div style=\"position:fixed;inset:0\">x</div>",
    "<style>body{display:none}</style>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<object data=x></object><embed src=x>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<!--><script>alert(1)</script-->",
    "<template><script>alert(1)</script></template>",
    "<b onclick=alert(1) id=x>b</b>",
    "<img src=\"x\" srcset=\"javascript:alert(1)\">",
]  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE)
def test_nothing_that_runs_survives(source: str):
    clean = sanitise(source).lower()
    for part in ("<script", "onerror", "onload", "onclick", "javascript:", "<iframe", "<form", "<input", "style",
                 "<svg", "<math", "<base", "<meta", "<object", "<embed", "data:", "<template", " id="):  # fmt: skip
        assert part not in clean


def test_what_a_banner_needs_survives():
    source = (
        '<div class="banner"><h2>Neu &amp; gut</h2><p>단골 <strong>-10 %</strong></p>'
        '<img src="https://shop.example/a.png" alt="A" width="80"><a href="/sale" target="_blank">Go</a></div>'
    )
    clean = sanitise(source)
    assert clean == source.replace('target="_blank">', 'target="_blank" rel="noopener noreferrer">')
