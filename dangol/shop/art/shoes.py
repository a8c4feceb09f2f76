"""Shoes, seen from the side, toe to the right."""

SOLE = '<path class="w" d="M66 286h262q8 2 8 12 0 24-34 24H92q-26 0-26-26z"/>'

RUNNER = f"""
<path class="m" d="M82 172q16 16 38 8 14-6 20-24 8-6 16 2l58 62q20 18 60 24 50 8 56 44H76q-14-56 6-116z"/>
<path class="d" d="M82 172q12 12 28 11-8 54 10 105H76q-14-56 6-116z"/>
<path class="l" d="M270 243q54 9 60 45h-74q-4-34 14-45z"/>
<path class="a" d="M128 288q14-44 74-52l14 16q-44 8-54 36z"/>
<path class="l" d="M110 181q22 0 30-25 8-6 16 2l18 19q-14 26-58 26z"/>
<path class="sw" d="m176 206 22-16m-4 35 22-17m-3 35 21-17"/>
{SOLE}
<path class="a" d="M68 304q4 18 24 18h210q24 0 31-14-12 4-27 4H96q-18 0-28-8z"/>
<path class="sl" stroke-width="4" d="M112 312v-12m36 12v-12m36 12v-12m36 12v-12m36 12v-12"/>
"""

COURT = """
<path class="w" d="M84 186q18 10 44 2l26-30q8-4 14 4l44 56q14 16 52 20 56 6 62 50H78q-10-56 6-102z"/>
<path class="m" d="M84 186q10 6 24 6-4 50 6 96H78q-10-56 6-102z"/>
<path class="l" d="M258 237q60 4 68 51h-84q-2-38 16-51z"/>
<path class="m" d="m138 288 38-82 20 24-24 58z"/>
<path class="a" d="m190 288 18-46 18 10-12 36z"/>
<path class="sd" d="m160 188 24-14m-10 32 24-14m-9 32 23-14"/>
<path class="k" d="M112 190q10 0 16-3l26-30q6-3 10 0l-4 14q-22 26-46 30z" opacity=".18"/>
<path class="m" d="M68 286h260q10 4 8 16-2 20-32 20H94q-28 0-26-36z"/>
<path class="sw" stroke-width="4" d="M80 304h244"/>
"""

BOOT = """
<path class="m" d="M96 96h104q6 0 6 8l6 94q2 20 30 28 82 22 86 62H92q-6-60 4-100z"/>
<path class="d" d="M96 96h34l-4 192H92q-6-60 4-100z"/>
<path class="a" d="M90 84h122q8 0 8 9v14q0 8-8 8H90q-8 0-8-8V93q0-9 8-9z"/>
<path class="d" d="M262 233q62 18 66 55h-90q0-46 24-55z"/>
<path class="l" d="m166 116 40-2 6 84q2 16 20 24l-20 22q-40-20-44-54z"/>
<path class="sa" d="m170 140 34-10m-32 34 34-10m-30 36 32-10m-22 38 26-16"/>
<path class="k" d="M84 286h246q6 2 6 10v24q0 6-6 6h-24v-12h-20v12h-24v-12h-20v12h-24v-12h-20v12H90q-8 0-8-8z"/>
<path class="sl" stroke-width="4" d="M84 290h248"/>
"""

CHELSEA = """
<path class="m" d="M110 92h92q8 0 8 8-2 70 14 98 10 16 42 26 62 18 62 62H100q-8-100 10-194z"/>
<path class="d" d="M142 128h44q8 0 9 8 2 46 17 74 4 8-4 12l-40 12q-10 2-14-8-20-40-20-90 0-8 8-8z"/>
<path class="sl" stroke-width="3" d="M152 140q2 44 18 82m-4-82q2 40 16 78m-2-78q2 36 14 70"/>
<path class="sd" d="M122 92V72q8-10 14 0v20m50 0V72q8-10 14 0v20"/>
<path class="l" d="M262 224q62 18 66 60h-22q-4-40-52-50 2-8 8-10z" opacity=".7"/>
<path class="k" d="M98 284h232q4 22-12 26H188l-6 14h-76q-8 0-8-8z"/>
<path class="sa" stroke-width="4" d="M102 288h226"/>
"""

LOAFER = """
<path class="m" d="M78 206q30-8 56-8 20 0 34 18 22 26 74 20 70-6 86 50H76q-10-50 2-80z"/>
<path class="d" d="M78 206q18-5 34-7 4 50 2 87H76q-10-50 2-80z"/>
<path class="k" d="M88 204q30-8 50-6 18 2 30 18 8 10 22 16-60 2-102-28z" opacity=".75"/>
<path class="l" d="M238 236q72-8 90 48h-58q-50-4-68-42 18 0 36-6z"/>
<path class="d" d="m178 224 62 8-8 30q-46 2-70-22z"/>
<path class="a" d="m192 236 30 6-4 12q-20 0-34-10z"/>
<path class="sd" stroke-width="4" d="M246 240q30 16 36 42"/>
<path class="k" d="M74 284h256q6 20-14 24H146l-4 14H84q-10 0-10-10z"/>
"""

SLIDE = """
<path class="d" d="M62 288h272q10 4 6 16-6 18-36 18H92q-34 0-30-34z"/>
<path class="w" d="M58 268q60 8 100 6 60-4 110-2 56 2 68 16v6H64q-10-10-6-26z"/>
<path class="m" d="M166 276q8-92 74-92 76 0 84 98-22-8-56-10-56-2-102 4z"/>
<path class="l" d="M186 262q8-58 52-62 46 0 64 60-60-8-116 2z"/>
<path class="a" d="M206 270q8-44 34-44 30 0 42 46-40-4-76-2z"/>
<path class="sw" stroke-width="4" d="M188 228q52-22 110 8"/>
"""

DRAWINGS = {
    "runner": RUNNER,
    "court": COURT,
    "boot": BOOT,
    "chelsea": CHELSEA,
    "loafer": LOAFER,
    "slide": SLIDE,
}
