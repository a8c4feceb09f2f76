/* Places: where slots are drawn.
 *
 * Frameworks own the page's elements: React, Vue or Turbo may change, move and remove them at any time, and must find
 * them as they left them. So nothing of the page's own is touched. The offer is one more child of its element, and a
 * shadow root with a place for this child alone keeps the others from being shown (and read out). An offer comes at
 * once, its picture when it is there, and never later than the slot's timeout.
 */

let TIMEOUT = 1e3, LONGEST = 1e9, PAUSE = 100;  // ms
let turns = 0;
let pause = ms => new Promise(done => setTimeout(done, ms));

/* The slots of one request. Each gets its part of the reply, or {} when that is late: then nothing is drawn, nothing
 * counts, and what comes afterwards is dropped. Later requests win, whenever their answers come; of two slots for one
 * place, that which has something. */
let deliver = (asked, reply) => {
  let turn = ++turns;
  asked.forEach(core.guard(({ id, target, o, at }, i) => {
    let until = performance.now() - Date.now() + at + Math.min(o.timeout ?? core.options.timeout ?? TIMEOUT, LONGEST), place = !target.call && placeOf(target);
    if (place) {
      place.slots.set(id, o);
      place.page = here();
      place.asking++;
    }
    let late = pause(until - performance.now()).then(() => [{}]);
    Promise.race([reply, late]).then(([body]) => {
      let timely = performance.now() < until;  // this file may be what was late
      let result = { ...timely && body.slots?.[id], slot: id };
      if (!result.offer) reply.then(([body]) => missed({ ...body.slots?.[id] }));
      Object.assign(result, responses(result));
      if (!place) return target(result);
      place.asking--;
      return draw(place, result, o, turn + i / 1e3, until);
    }).catch(core.guard(error => { throw error }));
  }));
};

/* Places: where slots are drawn. Whatever happens to the page, each has one offer, and no more than one. */
let KEPT = 50, FIGHTS = 100;
let places = new Map();  // selector or element → what is known of it
let shows = 0;           // how often the page came back from the back/forward cache
let here = () => shows + win.location.pathname;
let find = ({ target }) => typeof target == 'string' ? doc.querySelector.call(page, target) : target;

let placeOf = target => {
  let element = find({ target }), place = places.get(target);  // a selector that is none throws
  if (!place) places.set(target, place = { target, element, slots: new Map(), asking: 0, turn: 0, puts: [] });
  if (places.size > KEPT) places.delete(places.keys().next().value);
  let root = element?.getRootNode();
  if (root && root != page) look(root);  // within a shadow root
  return place;
};

/* The height that the call reserves, before there is an answer. */
let reserve = (target, { height }) => {
  let element = height && find({ target });
  if (element) element.style.minHeight = height + 'px';
};

let draw = async (place, result, o, turn, until) => {
  let { offer, items = [] } = result, content = offer?.content, empty = !content && !items[0];
  let stale = () => place.turn > turn;
  if (stale()) return missed(result);
  place.turn = Math.max(place.turn, empty ? Math.floor(turn) : turn);
  if (empty) {
    // Nothing for this page: an offer of the page before goes. Where there was no answer, what is shown stays.
    if ((offer === null || result.items) && place.box && place.shown != here()) leave(place);
    return;
  }
  let box = boxOf(place, result, o), wordless = !box.textContent.replace('\xd7', '').trim();
  while (hydrates(find(place)) && performance.now() < until) await pause(TICK / 3);
  if (wordless) {  // without words there is nothing to show before the picture
    let pictures = [...box.querySelectorAll('img')].map(image => image.decode().catch(() => 0));
    await Promise.race([Promise.all(pictures), pause(until - performance.now())]);
  }
  place.element = find(place);
  // Somebody who is in the page's own content keeps it.
  let busy = place.element?.querySelector(':focus');
  if (stale() || performance.now() >= until || busy && !place.box?.contains(busy)) return missed(result);
  place.stop?.();
  let old = place.box;
  Object.assign(place, { box, shown: here(), puts: [] });
  if (content) place.stop = watch(box, result.viewed);
  if (place.element) put(place, old);
};

let put = (place, old) => {
  let { element, box, held } = place;
  places.forEach((other, key) => other != place && other.box?.parentNode == element && leave(other, places.delete(key)));
  let inside = old?.contains(element.querySelector(':focus'));
  if (is(element, '[role],[aria-label],[aria-labelledby]')) ['role', 'aria-label'].forEach(name => box.removeAttribute(name));
  tidy(element, box);
  element.append(box);
  veil(element, box);
  if (inside) focus(box);
  else if (held && box.contains(held) && !is(held, ':focus')) held.focus({ preventScroll: true });
};

/* Older offers, and copies that a framework kept of them. */
let tidy = (element, box) => [...element.children].forEach(child => {
  if (child != box && is(child, '.dangol-offer,.dangol-items')) child.remove();
});

/* The page's own content is there again. */
let leave = place => {
  place.stop?.();
  place.box?.remove();
  if (place.element) unveil(place.element);
  place.box = place.held = null;
};

let focus = element => {
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus?.({ preventScroll: true });
};

/* The elements that may have a shadow root; in others the page's content is hidden node by node. */
let HOSTS = /^(article|aside|blockquote|body|div|footer|h[1-6]|header|main|nav|p|section|span)$/;
let roots = new WeakMap(), veils = new WeakMap();
let veil = (element, box) => {
  let root = roots.get(element);
  if (!root && !veils.has(element) && HOSTS.test(element.localName)) try {
    root = element.attachShadow({ mode: 'closed' }).appendChild(doc.createElement.call(page, 'slot'));
    roots.set(element, root);
  } catch { /* it has one of its own */ }
  if (root) return root.name = box.slot = 'dangol';
  let hidden = veils.get(element) || new Map();
  veils.set(element, hidden);
  element.childNodes.forEach(node => {
    let { style } = node;
    if (node == box) return;
    if (style && style.getPropertyPriority('display') != 'important') {
      hidden.set(node, style.display);
      style.setProperty('display', 'none', 'important');
    } else if (node.nodeType == 3 && node.data.trim()) {
      hidden.set(node, node.data);
      node.data = '';
    }
  });
};
let unveil = element => {
  if (roots.has(element)) roots.get(element).name = '';
  veils.get(element)?.forEach((former, node) => {
    if (node.style) node.style.setProperty('display', former);
    else node.data ||= former;
  });
  veils.delete(element);
};

/* A framework is about to keep a copy of the page. In ``ms`` it has it. */
let resting;
let keepClean = ms => {
  places.forEach(({ element, box }) => {
    if (!box || ms && !veils.has(element)) return;
    box.remove();
    unveil(element);
  });
  if (ms) resting = setTimeout(() => {
    resting = 0;
    settle();
  }, ms);
};

/* Whether React has yet to take over this element from the server's HTML: what it does not find there as it was sent,
 * it renders anew. */
let ROOTS = '#__next,#___gatsby,#root,#app';
let marked = (node, name) => node[Object.keys(node).find(key => key.startsWith(name))];
let hydrates = element => {
  let suspended;
  for (let node = element; node; node = node.parentNode) {
    let props = marked(node, '__reactProps$'), root = marked(node, '__reactContainer$');
    if (root?.stateNode?.current?.memoizedState?.isDehydrated && !props) return true;
    if (props || root || node.__vue_app__) return !!suspended;
    for (let before = node; before = before.previousSibling;) suspended ||= before.nodeType == 8 && before.data[0] == '$';
  }
  let { __next_f: next, __remixContext: remix, __reactRouterContext: router } = win;
  return !!element && (next || remix || router ? page.readyState != 'complete'
    : page.readyState == 'loading' && element instanceof Element && !!Element.prototype.closest.call(element, ROOTS));
};

/* What the page changed: an element that was emptied has its offer again, and so has a new one for the selector. */
let settle = () => resting || places.forEach(core.guard(place => {
  let { element, box, target, puts } = place;
  if (element?.isConnected) {
    if (!box) return;
    if (box.parentNode == element) return roots.has(element) || veil(element, box);
    let now = performance.now();
    place.puts = puts.filter(at => now - at < 1e3);
    if (place.puts.push(now) < FIGHTS) return put(place);
    leave(place);  // somebody else insists
    return places.delete(target);
  }
  if (typeof target != 'string') return places.delete(target);
  place.element = find(place);
  if (!place.element) return;
  tidy(place.element);
  if (box && place.shown == here()) return put(place);
  if (box) leave(place);
  refill(place);
}));

/* Asked for again, unless the page does so itself meanwhile. */
let refill = place => setTimeout(core.guard(() => {
  if (is(doc.documentElement, '[data-turbo-preview]')) return refill(place);  // the page itself is on its way
  if (place.asking || place.page == here() || places.get(place.target) != place) return;
  place.slots.forEach((o, id) => win.dangol('slot', id, place.target, o));
}), PAUSE);
