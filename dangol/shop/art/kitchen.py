"""Things on the stove and on the table."""

STEAM = '<path class="sg" stroke-width="8" d="M168 96q-14-18 0-34t0-34m34 68q-14-18 0-34t0-34m34 68q-14-18 0-34t0-34"/>'

KETTLE = """
<path class="sd" stroke-width="12" d="M262 160q76-22 74 64-4 44-44 52"/>
<path class="sm" stroke-width="14" d="M128 268q-44 0-46-58 0-50-30-58"/>
<path class="m" d="M140 150h120l38 146q4 26-24 26H126q-28 0-24-26z"/>
<path class="l" d="M140 150h44l-22 172h-36q-28 0-24-26z" opacity=".75"/>
<path class="d" d="M134 136h132q8 0 8 8v14H126v-14q0-8 8-8z"/><path class="m" d="M150 136q6-28 50-28t50 28z"/>
<circle class="a" cx="200" cy="98" r="14"/><path class="sd" stroke-width="5" d="M108 288h184" opacity=".5"/>
"""

PAN = """
<path class="d" d="m286 176 72-66q14-8 22 4t-4 22l-72 58z"/><circle class="w" cx="362" cy="124" r="6"/>
<ellipse class="d" cx="184" cy="244" rx="140" ry="78"/><ellipse class="m" cx="184" cy="230" rx="140" ry="76"/>
<ellipse class="k" cx="184" cy="230" rx="118" ry="60" opacity=".82"/>
<path class="w" d="M112 232q-8-34 36-38 28-20 58 0 52-6 50 30 4 38-44 36-26 22-54 4-44 4-46-32z"/>
<circle class="a" cx="186" cy="226" r="27"/><circle class="w" cx="176" cy="217" r="6" opacity=".7"/>
<path class="sl" stroke-width="5" d="M60 216q20-46 92-56"/>
"""

MUG = f"""
{STEAM}
<path class="sd" stroke-width="20" d="M272 178h16q44 0 44 46t-52 46h-10"/>
<path class="m" d="M104 136h176v120q0 66-66 66h-44q-66 0-66-66z"/>
<path class="l" d="M104 136h176v48q-22 22-44 0t-44 0-44 0-44 0z"/>
<ellipse class="d" cx="192" cy="136" rx="88" ry="20"/><ellipse class="k" cx="192" cy="138" rx="74" ry="14"/>
<path class="sw" stroke-width="5" d="M126 216v36q0 30 26 44" opacity=".7"/>
<circle class="a" cx="204" cy="248" r="9"/><circle class="a" cx="232" cy="232" r="9"/>
<circle class="a" cx="238" cy="266" r="9"/>
"""

KNIFE = """
<rect class="a" x="60" y="150" width="280" height="172" rx="24"/>
<rect class="k" x="60" y="300" width="280" height="22" rx="11" opacity=".2"/>
<path class="sw" stroke-width="4" d="M90 186h220M90 222h160m-160 36h220" opacity=".28"/>
<circle class="g" cx="312" cy="178" r="11"/>
<g transform="rotate(-24 200 210)">
<path class="w" d="M36 226q4-54 110-54h74v54z"/><path class="l" d="M36 226q40-14 184-14v14z"/>
<rect class="d" x="216" y="166" width="18" height="64" rx="4"/>
<path class="m" d="M234 168h100q24 0 24 26t-24 26H234z"/>
<circle class="w" cx="262" cy="194" r="6"/><circle class="w" cx="296" cy="194" r="6"/>
<circle class="w" cx="330" cy="194" r="6"/>
</g>
"""

POT = """
<path class="d" d="M58 202h284q12 0 12 12v14q0 12-12 12H58q-12 0-12-12v-14q0-12 12-12z"/>
<path class="m" d="M78 186h244v86q0 50-50 50H128q-50 0-50-50z"/>
<path class="l" d="M78 196h62v126h-12q-50 0-50-50z" opacity=".65"/>
<path class="m" d="M74 184q20-72 126-72t126 72z"/><path class="l" d="M96 172q24-42 104-44" opacity=".0"/>
<path class="sl" d="M104 164q26-30 74-34"/>
<rect class="d" x="66" y="178" width="268" height="20" rx="10"/>
<path class="a" d="M182 112V96q-14-4-12-16 2-10 14-10h32q12 0 14 10 2 12-12 16v16z"/>
"""

PRESS = """
<path class="sd" stroke-width="13" d="M258 152h32q30 0 30 34v58q0 34-34 34h-28"/>
<rect class="g" x="132" y="132" width="130" height="178" rx="12"/>
<path class="k" d="M140 206h114v94q0 4-6 4H146q-6 0-6-4z" opacity=".8"/><path class="l" d="M140 194h114v18H140z"/>
<path class="sd" stroke-width="5" d="M197 76v116"/><circle class="a" cx="197" cy="70" r="16"/>
<path class="m" d="M124 134q6-40 74-40t72 40z"/><path class="m" d="m132 138-26 6q-6 2-2 8l28 24z"/>
<path class="sm" stroke-width="9" d="M132 136v186m130-186v186m-130-40h130"/>
<rect class="m" x="122" y="304" width="150" height="18" rx="8"/>
<path class="sw" stroke-width="6" d="M156 156v20m0 46v44" opacity=".8"/>
"""

DRAWINGS = {"kettle": KETTLE, "pan": PAN, "mug": MUG, "knife": KNIFE, "pot": POT, "press": PRESS}
