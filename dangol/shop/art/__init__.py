"""Product illustrations: SVG drawn by our own hand, one motif and one palette per product."""

from zlib import crc32

from dangol.shop.art import audio, bags, books, garden, kitchen, outdoor, shoes, toys
from dangol.shop.art.palettes import PALETTES, style

MOTIFS: dict[str, dict[str, str]] = {
    "shoes": shoes.DRAWINGS,
    "bags": bags.DRAWINGS,
    "outdoor": outdoor.DRAWINGS,
    "kitchen": kitchen.DRAWINGS,
    "books": books.DRAWINGS,
    "toys": toys.DRAWINGS,
    "garden": garden.DRAWINGS,
    "audio": audio.DRAWINGS,
}
"""Category → name → the drawing, on a 400 x 400 field that stands on y = 322."""

BACKDROPS = (
    '<circle class="g" cx="200" cy="190" r="150"/>',
    '<path class="g" d="M70 322V190a130 130 0 0 1 260 0v132z"/>',
    '<path class="g" d="M42 214q2-118 116-148 118-26 172 60 54 100-34 170-78 56-168 14T42 214z"/>',
    '<path class="g" d="M0 236q110-96 206-40t194-34v238H0z"/>',
    '<circle class="g" cx="128" cy="150" r="96"/><circle class="g" cx="274" cy="226" r="112"/>',
)


def draw(item: str, category: str, motif: str, palette: str) -> str:
    """The product's picture as a complete SVG document; the same arguments always give the same picture."""
    backdrop = BACKDROPS[crc32(item.encode()) % len(BACKDROPS)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="800" height="800">'
        f"<style>{style(PALETTES[palette])}</style>"
        f'<rect width="400" height="400" fill="{PALETTES[palette].ground}"/>{backdrop}'
        '<ellipse class="k" cx="200" cy="324" rx="150" ry="13" opacity=".13"/>'
        # An attribute, not CSS: a drawing's own stroke-width attribute could not override CSS.
        '<g stroke-width="6" stroke-linecap="round" stroke-linejoin="round">'
        f"{MOTIFS[category][motif].strip()}</g></svg>"
    )
