// Comfort only: the editor's preview follows what is typed; without this file its button does the same.
"use strict";

const editor = document.querySelector("[data-preview]");
if (editor) {
  const place = document.getElementById("preview");
  let timer, asked = 0;
  const ask = async () => {
    const mine = ++asked;
    try {
      const answer = await fetch(editor.dataset.preview, { method: "POST", body: new FormData(editor), redirect: "error" });
      if (!answer.ok || mine !== asked) return;
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      place.replaceChildren(...parsed.body.childNodes);
    } catch { /* the button asks again */ }
  };
  editor.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 400);
  });
  ask();
}
