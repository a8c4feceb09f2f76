/* The shop's own script: puts what dangol('slot', …) answers into the page, and reports what a form is about to do.
 *
 * Every row and banner stands in the page already, filled by the shop itself. They change only when there is something
 * better, so a page without Dangol is a page that works. Texts go in as text, never as HTML.
 */
(() => {
  const me = document.currentScript;
  const call = (...args) => window.dangol && window.dangol(...args);
  const money = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR", trailingZeroDisplay: "stripIfInteger" });

  const memory = {
    get: (name) => {
      try {
        return localStorage.getItem("market-" + name);
      } catch {
        return null;
      }
    },
    set: (name, value) => {
      try {
        localStorage.setItem("market-" + name, value);
      } catch { /* blocked storage: nothing is remembered */ }
    },
  };

  /* Who signed in and what was ordered: told once, by the first page that is really shown. */
  for (const [kind, key, args] of JSON.parse(document.getElementById("once").textContent)) {
    if (memory.get(kind) === key) continue;
    memory.set(kind, key);
    call(...args);
  }

  let shelf;
  const products = () => (shelf ||= fetch(me.dataset.products).then((r) => r.json()).then((d) => d.products));

  /* Why an item stands here, in plain words. */
  const why = (id, reason, items) => {
    const { kind, item, category } = typeof reason === "string" ? { kind: reason } : reason || {};
    const name = items[item]?.name;
    const named = {
      viewed: "because you viewed ", added: "because you picked ", bought: "because you bought ",
      similar: "similar to ", together: "often bought with ", category: "because you viewed ",
    };
    const plain = {
      trending: "trending this week", popular: "popular right now", again: "time for another?",
      category: "from a shelf you like", new: "new on the shelf",
    };
    if (item === id && kind === "viewed") return "you looked at this";
    if (named[kind] && name) return named[kind] + name;
    if (kind === "popular" && category) return "popular in " + category;
    return plain[kind] || "";
  };

  /* Item rows */
  const fill = (card, id, product, reason) => {
    card.dataset.item = id;
    card.dataset.category = product.category;
    const link = card.querySelector("a");
    link.href = product.url;
    link.querySelector("img").src = product.image;
    card.querySelector(".name").textContent = product.name;
    card.querySelector(".price").textContent = money.format(product.price);
    card.querySelector(".why").textContent = reason;
    return card;
  };

  const show = async (row, result) => {
    const found = result?.items || [];
    if (!found.length) return;
    const items = await products();
    const known = found.filter((each) => items[each.id]?.available);
    // What is merely popular does not beat the shop's own choice: before the first training nobody knows what is,
    // and beside a product the shop knows better what belongs there.
    const own = known.some((each) => (each.reason?.kind || each.reason) !== "popular");
    const general = ["for-you", "trending"].includes(row.dataset.slot);
    if (!known.length || (!own && !(general && result.model))) return;
    const blank = document.getElementById("card").content.firstElementChild;
    const cards = known.map((each) => fill(blank.cloneNode(true), each.id, items[each.id], why(each.id, each.reason, items)));
    row.querySelector(".cards").replaceChildren(...cards);
    row.dataset.source = "dangol";
    row.querySelector("h2").textContent = own ? row.dataset.title : "Popular right now";
    row.querySelector("header p")?.remove();
  };

  for (const row of document.querySelectorAll(".row[data-slot]")) {
    call("slot", row.dataset.slot, (result) => show(row, result), JSON.parse(row.dataset.options));
  }

  /* Offers */
  const safe = (url) => {
    if (typeof url !== "string" || !url) return "";
    try {
      // A campaign's "/c/shoes" is the shop's, wherever the shop is mounted.
      const own = /^\/(?!\/)/.test(url) && !url.startsWith(me.dataset.home);
      const parsed = new URL(own ? me.dataset.home + url.slice(1) : url, location.href);
      return ["http:", "https:"].includes(parsed.protocol) ? parsed.href : "";
    } catch {
      return "";
    }
  };
  const part = (tag, className, text) => {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  };

  /* What is in the window: the offer's own picture, else four things from the shelf it speaks of. */
  const pictures = async ({ image, src, alt, tone }) => {
    const own = safe(image || src);
    if (own) return [{ src: own, alt: alt || "" }];
    const shelf = Object.values(await products()).filter((each) => each.category === tone && each.available);
    return shelf.slice(0, 4).map((each) => ({ src: each.image, alt: "", width: 400, height: 400 }));
  };

  const banner = async (box, result) => {
    const { campaign, variant, content } = result?.offer || {};
    if (!content) return;
    const given = typeof content === "string" ? { html: content } : content;
    const link = safe(given.link || given.url || given.href);
    const words = part("div", "words", "");
    if (given.html) {
      // What the personalization service answers was cleaned there; an element may not run what innerHTML puts in.
      words.innerHTML = given.html;
    } else {
      words.append(part("p", "kicker", given.kicker || "For you"));
      words.append(part(box.matches(".hero") ? "h1" : "h2", "", given.title || given.headline || given.alt || ""));
      if (given.text || given.body) words.append(part("p", "lead", given.text || given.body));
      if (given.code) words.append(part("p", "ticket", given.code));
      if (link) {
        const line = words.appendChild(part("p", "", ""));
        line.append(Object.assign(part("a", "button", given.cta || given.button || "Have a look"), { href: link }));
      }
    }
    const shown = await pictures(given);
    const frame = box.querySelector(".window") || part("div", "window", "");
    if (shown.length) frame.replaceChildren(...shown.map((each) => Object.assign(document.createElement("img"), each)));
    frame.classList.toggle("single", shown.length === 1);
    box.replaceChildren(words, ...(frame.children.length ? [frame] : []));
    box.hidden = false;
    box.classList.add("offer");
    Object.assign(box.dataset, { source: "dangol", campaign, variant, tone: given.tone || "" });
    box.addEventListener("click", (event) => event.target.closest("a") && call("clicked", result));
    call("viewed", result, box);  // the snippet watches until it was seen
  };

  for (const box of document.querySelectorAll(".hero[data-slot], .banner[data-slot]")) {
    call("slot", box.dataset.slot, (result) => banner(box, result), { kind: "offer" });
  }

  /* Forms and cards say what is done with them before the page goes. */
  document.addEventListener("submit", (event) => {
    const told = event.target.dataset.call;
    if (!told) return;
    const args = JSON.parse(told);
    const quantity = event.target.elements.quantity;
    if (args[0] === "reset") memory.set("customer", "");
    if (quantity?.type === "number") args[2].quantity = Number(quantity.value) || 1;
    call(...args);
  });
  document.addEventListener("click", (event) => {
    const card = event.target.closest?.(".card a")?.closest(".card");
    if (!card) return;
    const row = card.closest(".row");
    const list = row ? row.dataset.slot : document.querySelector(".shelves [aria-current]")?.textContent;
    call("track", "Product Clicked", {
      product_id: card.dataset.item, category: card.dataset.category, name: card.querySelector(".name").textContent,
      list_id: list || "search", position: [...card.parentNode.children].indexOf(card) + 1,
    });
  });

  /* Privacy choices: shown as they were left, told to Dangol when they are saved. */
  const panel = document.getElementById("privacy");
  const boxes = [...panel.querySelectorAll("input")];
  document.getElementById("privacy-open").addEventListener("click", () => {
    const kept = JSON.parse(memory.get("privacy") || "{}");
    for (const box of boxes) box.checked = kept[box.name] ?? true;
    panel.showModal();
  });
  panel.addEventListener("close", () => {
    if (panel.returnValue !== "save") return;
    const choice = Object.fromEntries(boxes.map((box) => [box.name, box.checked]));
    memory.set("privacy", JSON.stringify(choice));
    call("consent", choice);
  });
})();
