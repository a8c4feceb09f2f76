"""Toys."""

TRAIN = """
<path class="l" d="M206 130q-18-10-6-28 4-26 30-20 18-24 42-4 26-2 24 22-8 34-44 24-26 18-46 6z" opacity=".9"/>
<path class="a" d="M62 138h110v34H62z"/><rect class="m" x="74" y="160" width="90" height="120" rx="6"/>
<rect class="g" x="92" y="180" width="52" height="46" rx="8"/>
<path class="d" d="M228 146h44l-8 56h-28z"/><rect class="d" x="220" y="136" width="60" height="18" rx="8"/>
<path class="l" d="M156 198h136q40 0 40 40v42H156z"/><path class="a" d="M188 198h20v82h-20zm70 0h20v82h-20z"/>
<path class="k" d="M56 270h284v20H56z"/><path class="d" d="m334 272 28 38h-46z"/>
<circle class="m" cx="112" cy="292" r="34"/><circle class="w" cx="112" cy="292" r="12"/>
<circle class="d" cx="206" cy="300" r="25"/><circle class="w" cx="206" cy="300" r="9"/>
<circle class="d" cx="278" cy="300" r="25"/><circle class="w" cx="278" cy="300" r="9"/>
<path class="sk" stroke-width="7" d="M112 292h94m0 0h72"/>
"""

BEAR = """
<circle class="m" cx="134" cy="102" r="34"/><circle class="m" cx="266" cy="102" r="34"/>
<circle class="l" cx="134" cy="104" r="18"/><circle class="l" cx="266" cy="104" r="18"/>
<path class="m" d="M120 226q-56-4-58 40 8 32 50 18zm160 0q56-4 58 40-8 32-50 18z"/>
<ellipse class="m" cx="200" cy="262" rx="86" ry="62"/><ellipse class="l" cx="200" cy="268" rx="52" ry="44"/>
<ellipse class="d" cx="136" cy="306" rx="40" ry="26"/><ellipse class="d" cx="264" cy="306" rx="40" ry="26"/>
<ellipse class="l" cx="136" cy="308" rx="22" ry="14"/><ellipse class="l" cx="264" cy="308" rx="22" ry="14"/>
<ellipse class="m" cx="200" cy="148" rx="88" ry="76"/><ellipse class="l" cx="200" cy="174" rx="42" ry="34"/>
<circle class="k" cx="164" cy="138" r="9"/><circle class="k" cx="236" cy="138" r="9"/>
<path class="k" d="M184 160q16-8 32 0 0 14-16 18-16-4-16-18z"/>
<path class="sk" stroke-width="5" d="M200 178v10m-14 4q14 10 28 0"/>
<path class="a" d="m200 226-44-18q-8 22 0 42zm0 0 44-18q8 22 0 42z"/><circle class="a" cx="200" cy="228" r="13"/>
"""

RINGS = """
<rect class="d" x="190" y="84" width="20" height="220" rx="10"/><circle class="a" cx="200" cy="86" r="26"/>
<rect class="l" x="146" y="112" width="108" height="42" rx="21"/>
<rect class="a" x="130" y="154" width="140" height="42" rx="21"/>
<rect class="m" x="114" y="196" width="172" height="42" rx="21"/>
<rect class="l" x="96" y="238" width="208" height="42" rx="21"/>
<path class="d" d="M76 322q0-42 42-42h164q42 0 42 42z"/>
<path class="sw" stroke-width="6" d="M164 128h14m-30 42h18m-32 42h20m-38 42h22" opacity=".75"/>
"""

ROBOT = """
<path class="sd" d="M200 96V68"/><circle class="a" cx="200" cy="60" r="13"/>
<path class="sd" stroke-width="18" d="M112 218q-34 8-34 52m210-52q34 8 34 52"/>
<path class="sk" stroke-width="9" d="M66 286q0-16 12-16t12 16m220 0q0-16 12-16t12 16"/>
<rect class="d" x="142" y="296" width="40" height="26" rx="8"/>
<rect class="d" x="218" y="296" width="40" height="26" rx="8"/>
<rect class="m" x="112" y="192" width="176" height="112" rx="18"/>
<rect class="l" x="134" y="212" width="132" height="72" rx="10"/>
<rect class="m" x="124" y="92" width="152" height="96" rx="20"/>
<rect class="g" x="142" y="112" width="116" height="56" rx="14"/>
<circle class="k" cx="174" cy="134" r="11"/><circle class="k" cx="226" cy="134" r="11"/>
<path class="sk" stroke-width="5" d="M182 154q18 10 36 0"/>
<rect class="d" x="110" y="122" width="14" height="36" rx="6"/>
<rect class="d" x="276" y="122" width="14" height="36" rx="6"/>
<circle class="a" cx="160" cy="248" r="13"/><circle class="m" cx="198" cy="248" r="13"/>
<path class="sd" d="M226 236h26m-26 14h26m-26 14h16"/>
"""

ROCKET = """
<path class="a" d="M176 288h48q6 30-24 60-30-30-24-60z"/><path class="w" d="M188 290h24q2 16-12 32-14-16-12-32z"/>
<path class="d" d="M140 206q-52 26-48 96l56-30zm120 0q52 26 48 96l-56-30z"/>
<path class="w" d="M200 46q76 76 60 200l-10 42H150l-10-42Q124 122 200 46z"/>
<path class="m" d="M200 46q40 40 55 94-55 16-110 0 15-54 55-94z"/><path class="m" d="M140 244h120l-10 44H150z"/>
<circle class="d" cx="200" cy="188" r="34"/><circle class="l" cx="200" cy="188" r="24"/>
<path class="sw" stroke-width="5" d="M186 184q4-10 14-10"/>
<path class="a" d="M190 232h20v62h-20z"/><path class="sl" stroke-width="5" d="M196 76q-20 24-28 50"/>
"""

KITE = """
<path class="sd" stroke-width="4" d="M214 262q-40 20-14 44t-24 34"/>
<path class="a" d="m206 284-26-14 2 28zm0 0 26 10-22 18zM190 332l-28-6 10 24zm0 0 20-18 8 24z"/>
<path class="m" d="m180 50 120 92-86 120-96-132z"/><path class="d" d="m180 50 120 92-182-12z"/>
<path class="l" d="m180 50-62 80 83 6z"/><path class="a" d="m201 136 99 6-86 120z"/>
<path class="sw" stroke-width="4" d="m180 50 34 212m-96-132 182 12"/>
<path class="w" d="M52 232q0-18 20-18 8-20 30-12 20-4 22 16 16 0 16 14z
m220 66q0-16 16-16 8-18 26-10 18-2 20 14 14 0 14 12z" opacity=".9"/>
"""

DRAWINGS = {"train": TRAIN, "bear": BEAR, "rings": RINGS, "robot": ROBOT, "rocket": ROCKET, "kite": KITE}
