"""Books: one standing volume, a cover picture each."""


def bound(cover: str) -> str:
    """The volume with ``cover`` drawn on its front, a 184 x 240 field from (118, 74)."""
    return f"""
<path class="w" d="M112 300h200v18H120q-12 0-12-10z"/><path class="sl" stroke-width="3" d="M124 306h184m-182 6h182"/>
<path class="d" d="M106 78q0-14 14-14h186q8 0 8 8v226H122q-6 0-8 6 0 6 8 6h192v12H124q-18 0-18-20z"/>
<path class="m" d="M122 64h184q8 0 8 8v226H122z"/>
<clipPath id="cover"><path d="M122 64h184q8 0 8 8v226H122z"/></clipPath>
<g clip-path="url(#cover)">{cover}</g>
<path class="k" d="M122 64h10v234h-10z" opacity=".14"/><path class="a" d="M268 298h22v36l-11-10-11 10z"/>
"""


TITLE = '<path class="sw" stroke-width="7" d="M160 98h116m-96 20h76"/>'

WAVES = bound(f"""
<circle class="a" cx="218" cy="184" r="40"/>
<path class="l" d="M110 206q26-24 52 0t52 0 52 0 52 0v100H110z"/>
<path class="g" d="M110 232q26-24 52 0t52 0 52 0 52 0v80H110z"/>
<path class="d" d="M110 260q26-24 52 0t52 0 52 0 52 0v60H110z"/>{TITLE}""")

LEAF = bound(f"""
<path class="l" d="M218 276q-76-40-52-134 86 14 84 92-2 30-32 42z"/>
<path class="sd" stroke-width="5" d="M222 288q-6-70-40-120m20 40 4-32m10 62 10-38m-22 10-32-6m42 36-42-6"/>
<circle class="a" cx="270" cy="158" r="12"/><circle class="a" cx="284" cy="196" r="8"/>{TITLE}""")

TRAIN = bound("""
<path class="d" d="M110 60h220v170H110z"/><circle class="a" cx="266" cy="110" r="26"/>
<circle class="d" cx="254" cy="102" r="22"/>
<path class="sw" stroke-width="5" d="M152 96h.1m34 24h.1m30-34h.1m-40 60h.1m90 10h.1m-160 20h.1"/>
<path class="l" d="M110 230h220v80H110z"/>
<path class="w" d="M140 186h120q44 0 48 46H140z"/><path class="a" d="M140 214h164l4 18H140z"/>
<path class="k" d="M152 196h24v14h-24zm34 0h24v14h-24zm34 0h24v14h-24zm36 0h14q16 0 22 14h-36z"/>
<path class="sd" stroke-width="5" d="M118 244h200M132 244v14m32-14v14m32-14v14m32-14v14m32-14v14m32-14v14"/>""")

CITY = bound(f"""
<circle class="g" cx="256" cy="162" r="28"/>
<path class="d" d="M132 300V190h44v-34h40v144z"/><path class="l" d="M206 300V202l30-24 30 24v98z"/>
<path class="a" d="M256 300v-86h50v86zM150 300v-62h40v62z"/>
<path class="sw" stroke-width="6" stroke-dasharray="6 14" d="M190 176v60m-46-26v60m86-58v70m48-60v60"/>{TITLE}""")

BREAD = bound(f"""
<path class="l" d="M146 262q-8-70 72-70t76 70q0 18-20 18H168q-20 0-22-18z"/>
<path class="sd" stroke-width="8" d="m180 206 18 30m14-42 18 34m16-26 16 28"/>
<path class="sa" stroke-width="5" d="M146 182q22-18 22-44m0 14 16-10m-22 22 18-6m-14-26-8-16m-4 32-16-10"/>
<path class="sa" stroke-width="5" d="M292 182q-22-18-22-44m0 14-16-10m22 22-18-6"/>{TITLE}""")

LIGHTHOUSE = bound("""
<path class="g" d="M214 112 122 74v70zm12 0 92-38v70z" opacity=".75"/>
<path class="d" d="M110 262q60-34 120-6t100-8v60H110z"/>
<path class="w" d="M198 136h44l14 124h-72z"/><path class="a" d="m196 158 48 0 4 28h-56zm-6 56h62l4 28h-70z"/>
<rect class="k" x="190" y="126" width="60" height="10" rx="4"/>
<rect class="a" x="204" y="98" width="32" height="28"/><path class="k" d="m196 98 24-22 24 22z"/>
<path class="sl" stroke-width="5" d="M130 282q20-10 40 0t40 0 40 0 40 0"/>""")

PLANETS = bound(f"""
<circle class="l" cx="210" cy="202" r="48"/><path class="d" d="M164 214q44 24 92 0-8 36-46 36t-46-36z" opacity=".55"/>
<ellipse class="sa" stroke-width="8" cx="210" cy="204" rx="84" ry="22" transform="rotate(-18 210 204)"/>
<path class="l" d="M164 190q16-36 46-36t44 30z"/>
<circle class="a" cx="282" cy="154" r="13"/><circle class="g" cx="152" cy="270" r="18"/>
<path class="sw" stroke-width="6" d="M144 160h.1m130 106h.1m-40 8h.1m60-60h.1"/>{TITLE}""")

DRAWINGS = {
    "waves": WAVES,
    "leaf": LEAF,
    "train": TRAIN,
    "city": CITY,
    "bread": BREAD,
    "lighthouse": LIGHTHOUSE,
    "planets": PLANETS,
}
