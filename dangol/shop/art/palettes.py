"""The colours of an illustration, and the style sheet that gives them to a drawing's classes."""

from typing import NamedTuple


class Palette(NamedTuple):
    """``ground`` and ``glow`` are the backdrop, ``main``, ``dark``, ``light`` one material, ``accent`` its opposite."""

    ground: str
    glow: str
    main: str
    dark: str
    light: str
    accent: str


INK, CREAM = "#2f2a33", "#fffaf1"

PALETTES: dict[str, Palette] = {
    "persimmon": Palette("#f8e6d6", "#fff4e6", "#e2683c", "#a8421f", "#f6b48f", "#2f6f73"),
    "forest": Palette("#dde8db", "#eff5ea", "#3f7355", "#24493a", "#a3c7a3", "#eda63c"),
    "sky": Palette("#d9e8ef", "#eef7fa", "#4a8fb5", "#28597a", "#b5d9e8", "#f0895a"),
    "butter": Palette("#fbeecb", "#fff8e4", "#e9b13b", "#a87419", "#fadb92", "#35688a"),
    "rose": Palette("#f7dfdd", "#fdf0ed", "#cf5f74", "#8b3347", "#f0b3b8", "#3e7d74"),
    "plum": Palette("#e6dfee", "#f5f0f9", "#7a5a9c", "#4a3468", "#c3aede", "#efb04e"),
    "clay": Palette("#efe0d2", "#faf1e8", "#b9714b", "#7a4427", "#e3b594", "#4d8076"),
    "mint": Palette("#d6ebe4", "#ecf8f3", "#46a08a", "#22685a", "#aadccb", "#ec7d58"),
    "stone": Palette("#e6e3dc", "#f6f4ef", "#8d8577", "#58524a", "#cbc4b6", "#d8663b"),
    "night": Palette("#cfd5e3", "#e6eaf3", "#36456b", "#1e2846", "#8fa2cf", "#f2b441"),
}


def style(palette: Palette) -> str:
    """CSS for the one-letter fills (``m d l a g``, ``k`` ink, ``w`` cream) and the strokes ``s`` + the same letter."""
    colours = {
        "m": palette.main,
        "d": palette.dark,
        "l": palette.light,
        "a": palette.accent,
        "g": palette.glow,
        "k": INK,
        "w": CREAM,
    }
    fills = "".join(f".{name}{{fill:{colour}}}" for name, colour in colours.items())
    strokes = "".join(f".s{name}{{stroke:{colour}}}" for name, colour in colours.items())
    lines = ",".join(f".s{name}" for name in colours)
    return f"{fills}{lines}{{fill:none}}{strokes}"
