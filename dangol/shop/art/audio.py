"""Things to listen with."""

HEADPHONES = """
<path class="sd" stroke-width="20" d="M104 236q-8-156 96-156t96 156"/>
<path class="sl" stroke-width="7" d="M116 176q14-80 84-80t84 80"/>
<rect class="k" x="112" y="208" width="34" height="104" rx="16"/>
<rect class="k" x="254" y="208" width="34" height="104" rx="16"/>
<path class="m" d="M122 206q-58 0-58 54t58 54q8 0 8-8v-92q0-8-8-8zm156 0q58 0 58 54t-58 54q-8 0-8-8v-92q0-8 8-8z"/>
<circle class="a" cx="98" cy="260" r="14"/><circle class="a" cx="302" cy="260" r="14"/>
<path class="sl" stroke-width="5" d="M84 232q8-10 22-12"/>
"""

SPEAKER = """
<rect class="d" x="116" y="64" width="172" height="258" rx="22"/>
<rect class="m" x="108" y="60" width="172" height="258" rx="22"/>
<circle class="k" cx="194" cy="226" r="66"/><circle class="l" cx="194" cy="226" r="52"/>
<circle class="k" cx="194" cy="226" r="22"/><circle class="a" cx="194" cy="226" r="12"/>
<circle class="k" cx="194" cy="116" r="34"/><circle class="l" cx="194" cy="116" r="24"/>
<circle class="a" cx="194" cy="116" r="9"/>
<path class="sw" stroke-width="4" d="M152 210q8-22 30-28m-10-72q6-10 16-12" opacity=".8"/>
<circle class="w" cx="252" cy="90" r="5"/>
"""

TURNTABLE = """
<path class="d" d="M58 292h284v18q0 12-12 12H70q-12 0-12-12z"/>
<path class="m" d="m98 150 204 0q10 0 13 9l27 133H58l27-133q3-9 13-9z"/>
<ellipse class="k" cx="186" cy="226" rx="98" ry="58"/>
<ellipse class="sl" stroke-width="2" cx="186" cy="226" rx="82" ry="48" opacity=".5"/>
<ellipse class="sl" stroke-width="2" cx="186" cy="226" rx="64" ry="37" opacity=".5"/>
<ellipse class="a" cx="186" cy="226" rx="38" ry="22"/><ellipse class="w" cx="186" cy="226" rx="7" ry="4"/>
<circle class="d" cx="288" cy="178" r="17"/><path class="sl" stroke-width="8" d="m288 178 14 66-58 12"/>
<path class="w" d="m250 244 8 20-22 4-2-16z"/>
<circle class="l" cx="312" cy="274" r="9"/><circle class="l" cx="84" cy="274" r="9"/>
<path class="sw" stroke-width="5" d="M122 202q24-22 60-24" opacity=".6"/>
"""

RADIO = """
<path class="sd" stroke-width="5" d="m274 136 50-84"/><circle class="a" cx="325" cy="50" r="8"/>
<path class="sd" stroke-width="12" d="M118 142q0-36 36-36h92q36 0 36 36"/>
<rect class="m" x="58" y="136" width="284" height="182" rx="30"/>
<rect class="d" x="92" y="312" width="40" height="14" rx="5"/>
<rect class="d" x="268" y="312" width="40" height="14" rx="5"/>
<circle class="d" cx="142" cy="228" r="62"/><circle class="l" cx="142" cy="228" r="50"/>
<path class="sd" stroke-width="5" d="M112 204h60m-70 16h80m-80 16h80m-70 16h60"/>
<rect class="w" x="224" y="168" width="96" height="52" rx="10"/>
<path class="sd" stroke-width="3" d="M236 204v-10m14 10v-16m14 16v-10m14 10v-16m14 16v-10"/>
<path class="sa" stroke-width="4" d="M272 176v36"/>
<circle class="a" cx="246" cy="262" r="20"/><circle class="l" cx="300" cy="262" r="20"/>
<path class="sw" stroke-width="5" d="m246 262 8-11m46 11-9-10"/>
"""

BUDS = """
<path class="d" d="M92 226h216v56q0 40-40 40H132q-40 0-40-40z"/>
<path class="m" d="M92 222q0-14 14-14h188q14 0 14 14v52q0 36-36 36H128q-36 0-36-36z"/>
<path class="k" d="M106 208h188q14 0 14 14v8H92v-8q0-14 14-14z" opacity=".7"/>
<path class="l" d="M100 200q-6-62 34-64h132q40 2 34 64z" opacity=".55"/>
<path class="sd" stroke-width="4" d="M112 192q0-42 28-44h120q28 2 28 44" opacity=".4"/>
<path class="w" d="M142 128q0-30 30-30 24 0 24 26 0 18-14 24v68q0 10-11 10t-11-10v-64q-18-4-18-24z
m116 0q0-30-30-30-24 0-24 26 0 18 14 24v68q0 10 11 10t11-10v-64q18-4 18-24z"/>
<ellipse class="k" cx="186" cy="120" rx="7" ry="11"/><ellipse class="k" cx="214" cy="120" rx="7" ry="11"/>
<circle class="a" cx="200" cy="268" r="9"/>
"""

MICROPHONE = """
<ellipse class="d" cx="200" cy="312" rx="76" ry="16"/><ellipse class="m" cx="200" cy="306" rx="76" ry="16"/>
<path class="sd" stroke-width="14" d="M200 302v-42"/>
<path class="sd" stroke-width="11" d="M116 152v24q0 84 84 84t84-84v-24"/>
<circle class="a" cx="116" cy="150" r="11"/><circle class="a" cx="284" cy="150" r="11"/>
<rect class="m" x="144" y="56" width="112" height="182" rx="56"/>
<path class="l" d="M144 146v-34q0-56 56-56t56 56v34z"/>
<path class="sd" stroke-width="4" d="M148 96h104m-108 20h112m-112 20h112M176 62v82m24-88v90m24-84v82" opacity=".7"/>
<rect class="a" x="144" y="146" width="112" height="16"/><circle class="w" cx="200" cy="196" r="10"/>
"""

DRAWINGS = {
    "headphones": HEADPHONES,
    "speaker": SPEAKER,
    "turntable": TURNTABLE,
    "radio": RADIO,
    "buds": BUDS,
    "microphone": MICROPHONE,
}
