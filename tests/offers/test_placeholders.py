"""Placeholders in creatives: filled, escaped, and only with what may be told."""

import pytest

from offers.audience.visitor import View
from offers.campaign.creative import sanitise
from offers.campaign.placeholders import VALUE_LIMIT, Told, filled, placeholder_problem
from profiles.model import Affinity, CartLine, Profile
from tests.support.sites import UTC_SITE

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
    assert filled("html", sanitise(source), Told(SHOPPER, True)) == shown


def test_placeholders_in_json_and_pictures():
    content = {
        "title": "For {{ trait.first_name | you }}",
        "link": "{{ trait.title }}",
        "n": 1,
        "l": ["{{ stage }}"],
    }
    assert filled("json", content, Told(SHOPPER, True)) == {
        "title": "For Ann",
        "link": "",
        "n": 1,
        "l": ["prospect"],
    }
    assert filled("json", content, Told(SHOPPER, False))["title"] == "For you"


def test_in_an_address_a_value_is_a_part_of_it():
    likes = Profile(id="v:a", affinities={"Home & Garden #1?": Affinity(1.0, NOW)})
    view, part = View(likes, NOW, UTC_SITE), "Home%20%26%20Garden%20%231%3F"
    html = sanitise('<a href="/shop?cat={{ top_category }}&x=1">{{ top_category }}</a>')
    assert filled("html", html, Told(view, False)) == (
        f'<a href="/shop?cat={part}&amp;x=1" rel="noopener noreferrer">Home &amp; Garden #1?</a>'
    )
    content = {"link": "https://x.example/{{ top_category }}", "title": "{{ top_category }}"}
    told = filled("json", content, Told(view, False))
    assert told == {"link": f"https://x.example/{part}", "title": "Home & Garden #1?"}
    picture = {"src": "/{{ top_category | all }}.jpg", "alt": "{{ top_category }}"}
    assert filled("image", picture, Told(view, False))["src"] == f"/{part}.jpg"


def test_of_nobody_in_particular_nothing_is_claimed():
    source = "{{ stage | friend }}; {{ orders | many }}; {{ visits }}; {{ trait.name | you }}"
    assert filled("html", sanitise(source), Told(None, True)) == "friend; many; ; you"
    assert filled("json", {"n": source}, Told(None, False)) == {"n": "friend; many; ; you"}


def test_only_known_placeholders_are_accepted():
    assert placeholder_problem({"a": ["{{ trait.first_name | friend }}"]}) is None
    assert placeholder_problem("{{ trait.firstName }} {{ trait.Member-Since }}") is None
    assert "trait.email is not for pages" in (placeholder_problem("{{ trait.email }}") or "")
    assert placeholder_problem("no braces { here }") is None
    assert "no placeholder 'password'" in (placeholder_problem("{{ password }}") or "")
    assert "a placeholder is" in (placeholder_problem("{{ 1 + 1 }}") or "")
    assert "a placeholder is" in (placeholder_problem("{{ stage") or "")


def told(text: str, **traits: object) -> str:
    view = View(Profile(id="u:7", traits=traits), NOW, UTC_SITE)
    return filled("json", {"text": text}, Told(view, True))["text"]


def test_a_value_is_told_in_so_many_characters_and_only_what_can_be_printed():
    assert told("{{ trait.name }}", name="A" * 300) == "A" * VALUE_LIMIT
    assert told("{{ trait.name }}", name="A\x00\u202en\u200bn\n") == "Ann"


@pytest.mark.parametrize("value", ["", True, False, None, ["Ann"]])
def test_what_is_no_value_leaves_what_stands_there_otherwise(value: object):
    assert told("{{ trait.name | friend }}", name=value) == "friend"


def test_a_wrong_placeholder_is_found_however_deep_it_stands():
    nested = {"a": 1, "b": {"c": [{"d": "{{ password }}"}]}}
    assert "no placeholder 'password'" in (placeholder_problem(nested) or "")
