"""Simple blocks as MJML."""

from collections.abc import Iterable
from html import escape

from offers.campaign.mails.content import Block
from offers.campaign.mails.markup import LIQUID

ITEMS = """<mj-raw>{% for item in items %}</mj-raw>
<mj-section padding="8px 0"><mj-column width="40%">
<mj-image src="{{ item.image }}" alt="{{ item.name }}" href="{{ item.url }}"/>
</mj-column><mj-column width="60%">
<mj-text><a href="{{ item.url }}">{{ item.name }}</a></mj-text><mj-text>{{ item.price }}</mj-text>
</mj-column></mj-section><mj-raw>{% endfor %}</mj-raw>"""


def mjml_of(blocks: Iterable[Block]) -> str:
    """One column, in the order of the blocks."""
    body = "\n".join(ITEMS if each.kind == "items" else _section(each) for each in blocks)
    head = '<mj-head><mj-attributes><mj-all font-family="Arial, Helvetica, sans-serif"/></mj-attributes></mj-head>'
    return f"<mjml>{head}<mj-body>{body}</mj-body></mjml>"


def _section(block: Block) -> str:
    return f'<mj-section padding="0"><mj-column>{_component(block)}</mj-column></mj-section>'


def _component(block: Block) -> str:
    text, link = escaped(block.text), escaped(block.link)
    if block.kind == "heading":
        big = '<mj-text font-size="24px" font-weight="bold" line-height="1.3">'
        return f'{big}<h1 style="font-size:inherit;margin:0">{text}</h1></mj-text>'
    if block.kind == "text":
        lines = text.replace("\r\n", "\n").replace("\n", "<br/>")
        return f'<mj-text font-size="16px" line-height="1.5">{lines}</mj-text>'
    if block.kind == "button":
        return f'<mj-button href="{link}" font-size="16px">{text}</mj-button>'
    if block.kind == "image":
        linked = f' href="{link}"' if link else ""
        return f'<mj-image src="{escaped(block.src)}" alt="{escaped(block.alt)}"{linked}/>'
    if block.kind == "coupon":
        shown = f"{text} " if text else ""
        return f'<mj-text align="center" font-size="20px">{shown}<strong>{{{{ coupon }}}}</strong></mj-text>'
    return '<mj-divider border-width="1px" border-color="#dddddd"/>'


def escaped(text: str) -> str:
    """Escaped, but for what is Liquid."""
    parts, last = [], 0
    for found in LIQUID.finditer(text):
        parts += [escape(text[last : found.start()]), found[0]]
        last = found.end()
    return "".join([*parts, escape(text[last:])])
