// Comfort only: every page of the desk works without this file.
"use strict";

document.body.classList.remove("no-js");

document.addEventListener("click", (event) => {
  const menu = event.target.closest("[data-menu]");
  if (menu) {
    const open = document.getElementById("rail").classList.toggle("open");
    menu.setAttribute("aria-expanded", String(open));
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const text = document.getElementById(copy.dataset.copy).textContent;
    navigator.clipboard.writeText(text).then(() => {
      const label = copy.textContent;
      copy.textContent = copy.dataset.done;
      setTimeout(() => { copy.textContent = label; }, 1600);
    });
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.submit();
});

// What was written and not saved is not left by mistake.
for (const form of document.querySelectorAll("[data-guarded]")) {
  const warn = (event) => { event.preventDefault(); event.returnValue = ""; };
  const guard = (on) => (on ? addEventListener : removeEventListener)("beforeunload", warn);
  guard("unsaved" in form.dataset);
  form.addEventListener("input", (event) => { if (event.target.name !== "visitor") guard(true); });
  form.addEventListener("submit", () => guard(false));
}

// Charts: a cursor, a dot and the figures of the day under the pointer (or the arrow keys).
for (const plot of document.querySelectorAll("[data-plot]")) {
  const points = JSON.parse(plot.dataset.plot);
  const area = plot.querySelector(".area");
  const cursor = area.querySelector(".cursor");
  const dot = area.querySelector(".dot");
  const tip = area.querySelector(".tip");
  let shown = -1;
  const show = (index) => {
    shown = index;
    const hidden = index < 0;
    cursor.hidden = dot.hidden = tip.hidden = hidden;
    if (hidden) return;
    const point = points[index];
    const left = point.x / 10;
    cursor.style.left = dot.style.left = `${left}%`;
    dot.style.top = `${point.y / 3}%`;
    const name = document.createElement("b");
    name.textContent = point.label;
    tip.replaceChildren(name, document.createTextNode(point.text));
    if (point.before) tip.append(document.createElement("br"), document.createTextNode(point.before));
    tip.style.left = left < 50 ? `calc(${left}% + 14px)` : "auto";
    tip.style.right = left < 50 ? "auto" : `calc(${100 - left}% + 14px)`;
  };
  area.addEventListener("pointermove", (event) => {
    const box = area.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 1000;
    let best = 0;
    points.forEach((point, index) => { if (Math.abs(point.x - x) < Math.abs(points[best].x - x)) best = index; });
    show(best);
  });
  area.addEventListener("pointerleave", () => show(-1));
  area.addEventListener("blur", () => show(-1));
  area.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !points.length) return;
    event.preventDefault();
    show(Math.min(points.length - 1, Math.max(0, shown + step)));
  });
}

// Cards with several lists: one at a time.
for (const card of document.querySelectorAll("[data-tabs]")) {
  const tabs = card.querySelector(".tabs");
  const choose = (name) => {
    for (const list of card.querySelectorAll(".tab")) list.hidden = list.id !== name;
    for (const button of tabs.children) {
      if (button.dataset.tab === name) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  };
  tabs.hidden = false;
  card.classList.add("tabbed");
  choose(tabs.children[0].dataset.tab);
  tabs.addEventListener("click", (event) => { if (event.target.dataset.tab) choose(event.target.dataset.tab); });
}

// The funnel's builder: suggestions follow the kind of a step; steps can be dragged.
const builder = document.querySelector("[data-builder]");
if (builder) {
  const follow = (step) => {
    const kind = step.querySelector("select").value;
    step.querySelector("input").setAttribute("list", `${kind}-names`);
  };
  const list = builder.querySelector(".steps");
  builder.addEventListener("change", (event) => {
    const step = event.target.closest(".step");
    if (step && event.target.tagName === "SELECT") { follow(step); step.querySelector("input").value = ""; }
  });
  let dragged = null;
  for (const step of list.children) {
    follow(step);
    const grip = step.querySelector(".grip");
    grip.hidden = false;
    grip.addEventListener("pointerdown", () => { step.draggable = true; });
    step.addEventListener("dragstart", () => { dragged = step; step.classList.add("dragged"); });
    step.addEventListener("dragend", () => { step.draggable = false; step.classList.remove("dragged"); dragged = null; });
    step.addEventListener("dragover", (event) => {
      if (!dragged || dragged === step) return;
      event.preventDefault();
      const box = step.getBoundingClientRect();
      step[event.clientY < box.top + box.height / 2 ? "before" : "after"](dragged);
    });
  }
}

// Parts that are counted after the page: fetched one after another, again while they are being counted.
const parts = [...document.querySelectorAll("[data-part]")];
const fetchPart = async (place, address) => {
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { redirect: "error" });
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    const again = answer.headers.get("Refresh");
    if (again) {
      place.replaceChildren(...parsed.querySelector("[role=status]").childNodes);
      await new Promise((done) => setTimeout(done, 1000 * again));
      return fetchPart(place, address);
    }
    if (answer.ok) place.replaceChildren(...parsed.body.childNodes);
  } catch { /* its link stays */ }
  place.removeAttribute("aria-busy");
};
(async () => { for (const place of parts) await fetchPart(place, place.dataset.part); })();
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-replace]");
  const place = link && link.closest("[data-part]");
  if (!place) return;
  event.preventDefault();
  fetchPart(place, `${link.href}&part=1`);
});

// The live view: its middle part anew every five seconds, while somebody looks.
const liveView = document.querySelector("[data-live]");
if (liveView) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(liveView.dataset.live, { redirect: "error" });
      if (!answer.ok) return;
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      liveView.replaceChildren(...parsed.body.childNodes);
    } catch { /* the next try may do */ }
  }, 5000);
}

// An import: a large file goes up in parts; while it runs, its page looks each second.
const upload = document.querySelector("form[data-upload]");
if (upload) {
  upload.addEventListener("submit", async (event) => {
    const file = upload.elements.file.files[0];
    if (!file) return;
    event.preventDefault();
    const token = upload.elements.csrf.value;
    const step = Number(upload.dataset.upload);
    const status = upload.querySelector("[data-uploaded]");
    const failed = upload.querySelector("[data-upload-failed]");
    const post = async (address, body) => {
      const answer = await fetch(address, { method: "POST", body, headers: { "X-CSRF-Token": token } });
      if (!answer.ok) throw new Error(answer.status);
      return answer;
    };
    status.hidden = false;
    failed.hidden = true;
    try {
      const about = new URLSearchParams({ csrf: token, kind: upload.elements.kind.value, name: file.name, size: file.size });
      const { id } = await (await post("/desk/imports/begin", about)).json();
      for (let at = 0; at < file.size; at += step) {
        await post(`/desk/imports/${id}/part?at=${at}`, new Blob([file.slice(at, at + step)], { type: "application/octet-stream" }));
        status.querySelector("progress").value = Math.min(1, (at + step) / file.size);
      }
      await post(`/desk/imports/${id}/check`, new URLSearchParams({ csrf: token }));
      location.assign(`/desk/imports/${id}`);
    } catch {
      status.hidden = true;
      failed.hidden = false;
    }
  });
}
const running = document.querySelector("[data-running]");
if (running) {
  const look = async () => {
    try {
      const answer = await fetch(running.dataset.running, { redirect: "error" });
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      const state = parsed.querySelector("[data-state]").dataset.state;
      if (["checked", "done", "failed"].includes(state)) return location.reload();
      running.replaceChildren(...parsed.body.childNodes);
    } catch { /* the next try may do */ }
    setTimeout(look, 1000);
  };
  setTimeout(look, 500);
}
