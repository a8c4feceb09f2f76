"""Pots, plants and what looks after them."""

POT = """
<path class="m" d="M132 244h136l-18 70q-2 8-10 8h-80q-8 0-10-8z"/>
<path class="d" d="m137 262 126 0 3-12H134z" opacity=".6"/>
<rect class="m" x="120" y="222" width="160" height="30" rx="9"/><path class="sl" stroke-width="5" d="m156 270 8 34"/>
"""

CAN = """
<path class="sm" stroke-width="22" d="M260 270q54-30 76-132"/><path class="d" d="m312 118 54 18-6 18-56-18z"/>
<path class="sl" stroke-width="4" d="m352 102 6-16m14 22 10-14m-50 0 2-16"/>
<path class="sd" stroke-width="13" d="M112 168Q96 78 176 78t76 90M92 196q-54 4-50 52t52 40"/>
<path class="m" d="M88 164h188l14 142q0 16-16 16H90q-16 0-16-16z"/><path class="d" d="M86 164h192l3 24H83z"/>
<path class="l" d="M92 206h36l-8 98H82z" opacity=".7"/>
<path class="a" d="M196 226q26-18 34 4 24 4 10 26 4 26-22 20-18 18-30-4-26-4-16-26-4-22 24-20z"/>
<circle class="w" cx="210" cy="252" r="12"/>
"""

CACTUS = f"""
<path class="sa" stroke-width="42" d="M200 232V116"/>
<path class="sa" stroke-width="30" d="M196 196h-38q-20 0-20-20v-22m64 60h36q20 0 20-20v-48"/>
<path class="sw" stroke-width="4" stroke-dasharray="1 16" d="M190 108v120m20-120v120m-72-72v24q0 14 14 14
m106-52v44q0 16-14 16" opacity=".9"/>
<path class="l" d="M200 98q-26-6-20-28 12 0 20 10 8-10 20-10 6 22-20 28z"/>
<path class="l" d="M258 136q-16-4-12-18 8 0 12 6 4-6 12-6 4 14-12 18z"/>
{POT}
"""

BUNNY = f"""
<ellipse class="a" cx="200" cy="186" rx="46" ry="56"/>
<ellipse class="a" cx="158" cy="112" rx="28" ry="42" transform="rotate(-22 158 112)"/>
<ellipse class="a" cx="244" cy="112" rx="28" ry="42" transform="rotate(22 244 112)"/>
<path class="sw" stroke-width="5" d="M182 162h.1m28-8h.1m14 26h.1m-34 8h.1m-16 20h.1m48 6h.1m-24-2h.1M150 96h.1
m12 22h.1m-22 8h.1m104-30h.1m-14 22h.1m20 8h.1"/>
<circle class="l" cx="146" cy="74" r="11"/><circle class="l" cx="258" cy="74" r="11"/>
{POT}
"""

MONSTERA = f"""
<path class="sd" stroke-width="6" d="M196 230q-6-60-58-92m64 92q4-70 58-118m-60 118q0-60 0-150"/>
<path class="a" d="M200 40q48 24 42 84l-18-6 8 20q-16 18-32 20-16-2-32-20l8-20-18 6q-6-60 42-84z"/>
<path class="a" d="M86 98q54-14 82 32l-18 4 16 12q-2 22-12 34-16 4-34-6l2-20-14 14q-30-24-22-70z"/>
<path class="a" d="M316 86q-54-10-80 38l18 4-14 12q4 22 14 32 18 4 34-8l-4-18 14 12q28-26 18-72z"/>
<path class="sg" stroke-width="4" d="M200 66v76M106 116l40 44m150-54-42 48" opacity=".8"/>
{POT}
"""

TROWEL = """
<path class="d" d="M150 322q30-54 84-46 62-20 104 46z" opacity=".5"/>
<g transform="rotate(24 200 200) translate(6 -26)">
<path class="w" d="M152 190q48-14 96 0v66q0 54-48 84-48-30-48-84z"/>
<path class="l" d="M200 184q26 0 48 6v66q0 54-48 84z"/><path class="sd" stroke-width="13" d="M200 188v-44"/>
<rect class="m" x="179" y="46" width="42" height="106" rx="20"/>
<path class="sl" stroke-width="6" d="M192 68v50"/>
<rect class="a" x="176" y="134" width="48" height="15" rx="5"/></g>
<path class="sa" d="M272 300v-58m0 28q-30-2-34-32 32 0 34 32zm0-16q4-28 32-28-2 30-32 28z"/>
<path class="k" d="M58 322q30-36 84-28 60-18 120 8 50-8 84 20z"/>
<path class="sl" stroke-width="5" d="M110 310h.1m40-4h.1m60 6h.1m50 0h.1" opacity=".5"/>
"""

BIRDHOUSE = """
<rect class="d" x="188" y="286" width="24" height="44"/>
<path class="m" d="M116 168h168v124q0 8-8 8H124q-8 0-8-8z"/>
<path class="sd" stroke-width="3" d="M116 206h168m-168 40h168" opacity=".35"/>
<path class="l" d="M116 178 200 88l84 90v10H116z"/>
<path class="d" d="M200 62 90 176q-6 10 6 14l12 2 92-96 92 96 12-2q12-4 6-14z"/>
<circle class="k" cx="200" cy="204" r="32"/><circle class="sl" cx="200" cy="204" r="34"/>
<path class="sd" stroke-width="10" d="M200 258v22"/>
<path class="a" d="M176 260q-8-30 18-34 28-2 30 22l22 12q-26 18-48 14-16-2-22-14z"/>
<circle class="k" cx="192" cy="240" r="4"/><path class="w" d="m174 246-14 6 15 4z"/>
"""

DRAWINGS = {
    "can": CAN,
    "cactus": CACTUS,
    "bunny": BUNNY,
    "monstera": MONSTERA,
    "trowel": TROWEL,
    "birdhouse": BIRDHOUSE,
}
