"""Mails as creatives: what is wrong is said when it is saved, and values of a person stay values."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.campaign.campaign import CampaignInvalid
from offers.campaign.document import parse
from offers.campaign.mails.content import SOURCE_LIMIT
from offers.campaign.mails.markup import DEPTH_LIMIT
from offers.campaign.mails.template import mail_problem, template_of
from tests.support.offers import written


def mail(html: str = "<p>Hello</p>", **more: object) -> dict:
    return {"subject": "Hello", "html": html, **more}


def mjml(body: str) -> dict:
    return {"subject": "Hello", "mjml": f"<mjml><mj-body>{body}</mj-body></mjml>"}


def of(content: object) -> list[dict]:
    return [{"id": "a", "kind": "email", "content": content}]


def sending(content: object, **more: object) -> dict:
    send = {"channel": "email", "when": {"on": "Order Completed"}}
    return written(slots=["email"], caps=[], send=send, creatives=of(content), **more)


def test_a_campaign_of_mails_is_checked_when_it_is_saved():
    campaign = parse(sending(mail()))
    assert campaign.creatives[0].kind == "email" and campaign.creatives[0].content["subject"] == "Hello"
    with pytest.raises(CampaignInvalid, match="pool of codes") as error:
        parse(sending(mail("{{ coupon }}")))
    assert error.value.field == "creatives[0].content"
    assert parse(sending(mail("{{ coupon }}"), coupons="pool"))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("text", "object"),
        ({"html": "x"}, "subject"),
        (mail(subject=" "), "subject is empty"),
        (mail(subject="a\r\nBcc: x"), "line break"),
        (mail(subject="x" * 201), "subject is longer"),
        (mail(colour="red"), "colour"),
        (mail(""), "exactly one"),
        (mail(mjml="<mjml/>"), "exactly one"),
        (mail("x" * (SOURCE_LIMIT + 1)), "html is longer"),
        (mail("<script>x</script>"), "<script>"),
        (mail("<p onclick='x'>x</p>"), "onclick="),
        (mail("<div>" * (DEPTH_LIMIT + 1)), "deep"),
        (mail("<a>" * 20_000), "deep"),
        (mjml("<mj-wrapper>" * 4_000 + "</mj-wrapper>" * 4_000), "deep"),
        (mjml("<mj-include path='/etc/passwd'/>"), "<mj-include>"),
        (mjml("<mj-nothing/>"), "MJML"),
        ({"subject": "x", "mjml": "<mjml><mj-body>"}, "MJML"),
        (mail("{% include 'x' %}"), "include"),
        (mail("{% for x in items %}"), "for"),
        (mail("{{ colour }}"), "no placeholder 'colour'"),
        (mail("{{ trait.email }}"), "trait.email is not for mails"),
        (mail("{{ 'x' | safe }}"), "safe"),
        (mail("{% for n in (1..99999999) %}x{% endfor %}"), "too large"),
        (mail("{% for a in (1..50) %}{% for b in (1..50) %}{% endfor %}{% endfor %}"), "too large"),
        (mail("{% for a in (1..1000) %}{% endfor %}" * 300), "more than 500"),
        (mail("{% for a in (1..1999) %}{{ 'x' | append: '" + "y" * 400 + "' }}{% endfor %}"), "too large"),
        ({"subject": "x", "blocks": [{"type": "button", "text": "Go"}]}, "blocks[0].link is empty"),
        ({"subject": "x", "blocks": [{"type": "frame"}]}, "type"),
        ({"subject": "x", "blocks": [{"type": "text", "text": "x"}] * 61}, "more than 60"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(content, part):
    problem = mail_problem(content)
    assert problem and part in problem and "\n" not in problem, problem


def test_rows_of_a_table_repeat_where_they_stand_and_styles_are_inlined():
    html = """<style>td {color: red} @media (max-width: 9px) {td {color: blue}}</style><table><tbody>
    {% for item in items %}<tr><td>{{ item.name }}</td></tr>{% endfor %}</tbody></table>"""
    filled = template_of(mail(html)).fill({"items": [{"name": "Tea"}, {"name": "<Cup>"}]})
    assert filled["html"].count("<tr>") == 2 and filled["html"].count('<td style="color: red;">') == 2
    assert "<tbody>" in filled["html"].partition("<tr>")[0] and "@media" in filled["html"]
    assert "&lt;Cup&gt;" in filled["html"] and "Tea" in filled["text"] and "<Cup>" in filled["text"]


def test_mjml_repeats_sections_and_columns():
    body = """<mj-raw>{% for item in items %}</mj-raw><mj-section><mj-column><mj-text>{{ item.name }}</mj-text>
    <mj-raw>{% if item.price > 5 %}</mj-raw><mj-text>dear</mj-text><mj-raw>{% endif %}</mj-raw></mj-column></mj-section>
    <mj-raw>{% endfor %}</mj-raw>"""
    filled = template_of(mjml(body)).fill(
        {"items": [{"name": "Tea", "price": 3}, {"name": "Cup", "price": 9}]}
    )
    assert filled["html"].count("dear") == 1 and filled["html"].index("Tea") < filled["html"].index("Cup")
    assert filled["text"].split() == ["Tea", "Cup", "dear"]


def test_a_page_placeholder_means_the_same_and_an_address_holds_a_part():
    html = '<a href="https://s.example/?q={{ trait.city | none }}&a=1">{{ trait.first_name | my friend }}</a>'
    template = template_of(mail(html, subject="{{ trait.first_name | default: 'You' }}!"))
    nobody, kim = template.fill({}), template.fill({"trait": {"first_name": "Kim", "city": "R&B /?"}})
    assert (
        nobody["subject"] == "You!"
        and ">my friend</a>" in nobody["html"]
        and "q=none&amp;a=1" in nobody["html"]
    )
    assert "q=R%26B+%2F%3F&amp;a=1" in kim["html"] and kim["subject"] == "Kim!"
    assert kim["text"].split() == ["Kim", "(https://s.example/?q=R%26B+%2F%3F&a=1)"]


def test_the_line_beside_the_subject_is_hidden_in_the_mail_and_no_part_of_the_text():
    filled = template_of(mail(preheader="<b> {{ trait.name | You }}")).fill({})
    assert "&lt;b&gt; You</div><p>" in filled["html"] and "display:none" in filled["html"]
    assert filled["text"].strip() == "Hello"


BLOCKS = {
    "subject": "{{ trait.name }}",
    "blocks": [
        {"type": "heading", "text": "{{ trait.name }} & <b>"},
        {"type": "text", "text": "{{ trait.name }}\nmore"},
        {"type": "image", "src": "https://s.example/{{ trait.name }}.png", "alt": "{{ trait.name }}"},
        {"type": "button", "text": "{{ trait.name }}", "link": "https://s.example/{{ trait.name }}"},
        {"type": "items"},
        {"type": "coupon", "text": "Your code"},
        {"type": "divider"},
    ],
}


class Shape(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, [name for name, _ in attrs]))


@given(
    st.text(max_size=60)
    | st.sampled_from(['"><img src=x onerror=y>', "{{ coupon }}", "{% raw %}", "<!--", "-->"])
)
def test_no_value_changes_the_shape_of_the_html(value):
    values = {
        "trait": {"name": value},
        "items": [{"name": value, "url": value, "image": value, "price": value}],
    }
    plain = {"trait": {"name": "x"}, "items": [{"name": "x", "url": "x", "image": "x", "price": "x"}]}
    template = template_of(BLOCKS)
    assert Shape(template.fill({**values, "coupon": value})["html"]).elements == (
        Shape(template.fill({**plain, "coupon": "x"})["html"]).elements
    )
