"""Creatives: what may stand in a page, and what is taken out of HTML."""

import pytest

from offers.campaign.creative import sanitise

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


SCHEMES = (
    *("javascript:alert(1)", "JaVaScRiPt:x", "java\tscript:x", "\x01javascript:x", "vbscript:x"),
    *("data:image/svg+xml,x", "data:text/html,x", "blob:x", "file:///etc/passwd", "filesystem:x", "intent:x"),
    *("ws://x", "view-source:x"),
)


CARRIERS = (
    '<a href="{}">x</a>',
    '<img src="{}">',
    '<source srcset="{}">',
    '<picture><source srcset="{} 2x"></picture>',
    '<source srcset="/a.png 1x, {} 2x">',
    '<source srcset="/a.png 1x,{}">',
    '<source srcset="/a.png,{} 2x">',
    '<img srcset="{}">',
    '<source src="{}">',
    '<a ping="{}">x</a>',
    '<a xlink:href="{}">x</a>',
    '<img longdesc="{}">',
    '<img lowsrc="{}">',
    '<q cite="{}">x</q>',
    '<blockquote cite="{}">x</blockquote>',
    '<button formaction="{}">x</button>',
    '<link imagesrcset="{}">',
    '<video poster="{}"></video>',
    '<table background="{}"><tr><td background="{}">x</table>',
    '<div style="background:url({})">x</div>',
    '<svg><a xlink:href="{}"><text>x</text></a><image href="{}"/></svg>',
)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_attribute_carries_an_address_of_another_scheme(carrier: str):
    for scheme in SCHEMES:
        clean = sanitise(carrier.replace("{}", scheme)).lower()
        assert scheme.lower().lstrip("\x01").partition(":")[0].replace("\t", "") + ":" not in clean.replace(
            "\t", ""
        )


def test_pictures_of_several_sizes_survive():
    source = '<source srcset="https://shop.example/a.png?x=1,2 1x, /b:c.png 2x, c.png 3x" media="(min-width: 10px)">'
    assert sanitise(source) == source
