"""Things for a night outside."""

TENT = """
<path class="sd" stroke-width="5" d="m200 96-14-24m14 24 14-24M78 318l-28 4m272-4 28 4"/>
<path class="m" d="M200 92 344 320H56z"/>
<path class="l" d="M200 92 128 320H56z"/>
<path class="k" d="m204 150 60 170H148z" opacity=".85"/>
<path class="a" d="m204 150-56 170h34q22-70 22-170z"/>
<path class="sw" stroke-width="4" d="M204 152v42"/>
<path class="d" d="m200 92 144 228h-30L196 98z" opacity=".5"/>
"""

LANTERN = """
<path class="sd" stroke-width="8" d="M144 150q0-86 56-86t56 86"/>
<circle class="a" cx="200" cy="214" r="104" opacity=".22"/>
<path class="d" d="M152 128h96l16 30H136z"/><rect class="m" x="172" y="108" width="56" height="24" rx="8"/>
<rect class="w" x="142" y="158" width="116" height="108" rx="10"/>
<path class="a" d="M200 176q34 34 20 60-20 18-40 0-14-26 20-60z"/>
<path class="w" d="M200 212q14 16 6 28-6 6-12 0-8-12 6-28z"/>
<path class="sd" stroke-width="5" d="M142 176v74m116-74v74m-76-92v108m36-108v108" opacity=".45"/>
<path class="m" d="M134 264h132l14 46q2 12-10 12H130q-12 0-10-12z"/><circle class="l" cx="200" cy="292" r="10"/>
"""

FLASK = """
<rect class="d" x="158" y="64" width="84" height="52" rx="12"/>
<path class="sl" stroke-width="5" d="M176 80v22m24-22v22m24-22v22"/>
<path class="l" d="M164 116h72v16h-72z"/>
<path class="m" d="M164 130h72q30 14 30 50v118q0 24-24 24h-84q-24 0-24-24V180q0-36 30-50z"/>
<path class="d" d="M236 130q30 14 30 50v118q0 24-24 24h-26q14-8 14-28V176q0-30-22-46z" opacity=".55"/>
<path class="a" d="m134 262 34-42 22 24 26-36 50 56v34q0 24-24 24h-84q-24 0-24-24z"/>
<circle class="w" cx="176" cy="188" r="15"/>
"""

SLEEPING = """
<path class="m" d="M96 190h208q46 0 46 66t-46 66H96z"/>
<path class="l" d="M96 190h208q24 0 36 22H96z"/>
<ellipse class="d" cx="104" cy="256" rx="56" ry="66"/><ellipse class="l" cx="104" cy="256" rx="44" ry="53"/>
<path class="sd" stroke-width="7" d="M104 256q-4-14 10-14 18 2 16 22-4 22-30 18-26-8-20-38 10-26 36-22"/>
<path class="a" d="M184 190h24q14 66 0 132h-24q14-66 0-132zm92 0h24q16 66 0 132h-24q16-66 0-132z"/>
<rect class="k" x="186" y="238" width="24" height="34" rx="6"/>
<rect class="k" x="278" y="238" width="24" height="34" rx="6"/>
<path class="sd" stroke-width="5" d="M196 190q0-40 48-40t46 40"/>
"""

COMPASS = """
<circle class="sd" stroke-width="9" cx="200" cy="92" r="20"/>
<rect class="d" x="186" y="106" width="28" height="22" rx="6"/>
<circle class="d" cx="200" cy="222" r="104"/><circle class="m" cx="200" cy="218" r="100"/>
<circle class="w" cx="200" cy="218" r="78"/>
<path class="sd" stroke-width="5" d="M200 150v10m0 116v10m68-68h-10m-116 0h-10"/>
<path class="sd" stroke-width="3" d="m248 170-5 5m-86 86-5 5m96 0-5-5m-86-86-5-5"/>
<path class="a" d="m238 172-22 62-32-32z"/><path class="k" d="m162 264 22-62 32 32z"/>
<circle class="l" cx="200" cy="218" r="9"/>
"""

BINOCULARS = """
<path class="d" d="M164 150h72v60h-72z"/>
<path class="m" d="M114 120h60q10 0 10 10v20l16 142q0 30-62 30t-62-30l28-142v-20q0-10 10-10z"/>
<path class="m" d="M226 120h60q10 0 10 10v20l28 142q0 30-62 30t-62-30l16-142v-20q0-10 10-10z"/>
<rect class="k" x="110" y="96" width="68" height="34" rx="10"/>
<rect class="k" x="222" y="96" width="68" height="34" rx="10"/>
<ellipse class="k" cx="138" cy="292" rx="56" ry="26"/><ellipse class="k" cx="262" cy="292" rx="56" ry="26"/>
<ellipse class="l" cx="138" cy="292" rx="44" ry="18"/><ellipse class="l" cx="262" cy="292" rx="44" ry="18"/>
<path class="sw" stroke-width="5" d="M114 290q8-10 22-10m102 10q8-10 22-10"/>
<circle class="a" cx="200" cy="172" r="16"/><path class="sl" stroke-width="6" d="m118 156-14 78m178-78 14 78"/>
"""

DRAWINGS = {
    "tent": TENT,
    "lantern": LANTERN,
    "flask": FLASK,
    "sleeping": SLEEPING,
    "compass": COMPASS,
    "binoculars": BINOCULARS,
}
