"""Bags, seen from the front."""

TOTE = """
<path class="sd" stroke-width="12" d="M148 168q-4-96 52-96t52 96"/>
<path class="m" d="M96 148h208q8 0 9 8l15 156q0 10-10 10H82q-10 0-10-10l15-156q1-8 9-8z"/>
<path class="l" d="M92 184h216l3 34H89z"/>
<path class="d" d="M96 148h208q8 0 9 8l2 16H85l2-16q1-8 9-8z"/>
<circle class="a" cx="200" cy="262" r="32"/>
<path class="sw" stroke-width="5" d="M186 264q14 18 28 0m-24-14v2m20-2v2"/>
<path class="sw" stroke-width="12" d="M148 172v-14m104 14v-14"/>
"""

BACKPACK = """
<path class="sd" stroke-width="10" d="M168 92q0-32 32-32t32 32"/>
<path class="d" d="M92 204q-26 6-26 36v48q0 16 18 16h232q18 0 18-16v-48q0-30-26-36z"/>
<path class="m" d="M104 166q0-86 96-86t96 86v134q0 22-22 22H126q-22 0-22-22z"/>
<path class="l" d="M104 166q0-86 96-86t96 86v22q-96 34-192 0z"/>
<path class="d" d="M128 226q72 20 144 0v60q0 16-16 16H144q-16 0-16-16z"/>
<path class="sa" d="M146 252h108"/><rect class="a" x="192" y="250" width="16" height="24" rx="5"/>
<rect class="a" x="184" y="176" width="32" height="42" rx="6"/><path class="sw" stroke-width="5" d="M192 198h16"/>
<path class="sw" stroke-width="4" d="M132 140q18-32 48-36" opacity=".8"/>
"""

SLING = """
<path class="sd" stroke-width="10" d="M92 224Q96 70 216 66q100 0 96 158"/>
<path class="m" d="M82 214h236q10 0 10 10v24q0 70-70 70H142q-70 0-70-70v-24q0-10 10-10z"/>
<path class="l" d="M82 200h236q12 0 12 14 0 62-130 62T70 214q0-14 12-14z"/>
<path class="sd" stroke-width="4" d="M86 226q14 40 114 40t114-40" opacity=".6"/>
<rect class="a" x="182" y="258" width="36" height="30" rx="8"/><circle class="w" cx="200" cy="272" r="6"/>
<circle class="a" cx="92" cy="208" r="10"/><circle class="a" cx="312" cy="208" r="10"/>
"""

WEEKENDER = """
<path class="sd" stroke-width="11" d="M142 196q0-76 58-76t58 76"/>
<path class="m" d="M84 176h232q30 0 32 34l4 84q0 28-28 28H76q-28 0-28-28l4-84q2-34 32-34z"/>
<path class="d" d="M84 176h22v146H76q-28 0-28-28l4-84q2-34 32-34zm232 0h-22v146h30q28 0 28-28l-4-84q-2-34-32-34z"/>
<path class="l" d="M106 176h188v30H106z"/><path class="sw" stroke-width="4" stroke-dasharray="1 9" d="M112 191h176"/>
<rect class="d" x="136" y="236" width="128" height="62" rx="10"/>
<path class="l" d="M136 246q0-10 10-10h108q10 0 10 10v10q-64 24-128 0z"/>
<rect class="a" x="132" y="192" width="20" height="40" rx="5"/>
<rect class="a" x="248" y="192" width="20" height="40" rx="5"/>
<circle class="a" cx="200" cy="270" r="8"/>
"""

BUCKET = """
<path class="sd" stroke-width="10" d="M110 166Q120 62 200 62t90 104"/>
<path class="m" d="M104 152h192l24 150q2 20-18 20H98q-20 0-18-20z"/>
<path class="d" d="m86 262-6 40q-2 20 18 20h204q20 0 18-20l-6-40z"/>
<path class="l" d="M104 152h192l4 24q-14 12-28 0-14 12-28 0-16 12-30 0-14 12-28 0-16 12-30 0-14 12-28 0-14 12-28 0z"/>
<path class="sa" d="M92 206q108 18 216 0"/>
<path class="sa" d="m194 214-16 40m28-40 16 40"/><circle class="a" cx="200" cy="212" r="11"/>
<circle class="a" cx="176" cy="258" r="8"/><circle class="a" cx="224" cy="258" r="8"/>
"""

SATCHEL = """
<path class="sd" stroke-width="9" d="M162 130V98q0-14 14-14h48q14 0 14 14v32"/>
<rect class="d" x="72" y="130" width="256" height="192" rx="22"/>
<path class="m" d="M92 126h216q22 0 22 24v74q0 28-34 28H104q-34 0-34-28v-74q0-24 22-24z"/>
<path class="sl" stroke-width="4" stroke-dasharray="10 8" d="M86 150v72q0 16 20 16h188q20 0 20-16v-72"/>
<rect class="l" x="120" y="204" width="26" height="90" rx="8"/>
<rect class="l" x="254" y="204" width="26" height="90" rx="8"/>
<rect class="a" x="114" y="256" width="38" height="24" rx="6"/>
<rect class="a" x="248" y="256" width="38" height="24" rx="6"/>
"""

DRAWINGS = {
    "tote": TOTE,
    "backpack": BACKPACK,
    "sling": SLING,
    "weekender": WEEKENDER,
    "bucket": BUCKET,
    "satchel": SATCHEL,
}
