/* Seen, clicked, dismissed: what is told of an offer, and when.
 *
 * The parts of the second file share one scope (tests/minify_snippet.py), with what the snippet lends them: ``core``,
 * { track, flush, read, put, guard, options }.
 */

let win = window, page = document;

// As in snippet.js: the document's own properties, whatever elements of the page's content are called.
let doc = new Proxy(Document.prototype, { get: (own, name) => Reflect.get(own, name, page) });
let is = (node, kinds) => node instanceof Element && Element.prototype.matches.call(node, kinds);
let NEEDED = 10, TICK = 100, NEAR = 8;  // ms and pixels
let LINK = 'a[href],area', PRESS = LINK + ',button:not(.dangol-dismiss),input,select,label,summary,[role=button]';
let STEPS = [...Array(101).keys()].map(percent => percent / 100);  // fine enough for an offer of many screens

/* Seen: half of it on screen, or half of the screen's height full of it, in a tab that is in front, for a second on end.
 * Returns what ends the watch. */
let watch = (element, then) => {
  let timer, ticks;
  let observer = new IntersectionObserver(entries => {
    let { intersectionRatio, intersectionRect: { width, height }, boundingClientRect: whole, rootBounds } = entries.pop();
    if (intersectionRatio < .5 && !(height >= rootBounds?.height / 2 && width >= whole.width / 2)) {
      timer = clearInterval(timer);
      return;
    }
    if (timer) return;
    ticks = 0;
    timer = setInterval(() => {
      ticks = page.hidden === true ? 0 : ticks + 1;
      if (ticks < NEEDED) return;
      clearInterval(timer);
      observer.disconnect();
      if (element.isConnected) then();
    }, TICK);
  }, { threshold: STEPS });
  observer.observe(element);
  return () => {
    clearInterval(timer);
    observer.disconnect();
  };
};

/* A click on the offer: on a link, a button, a picture or an item; on its words where it has nothing to press. */
let pressed = (box, { target, button, clientX: x, clientY: y }) => {
  let on = kinds => box.contains(target.closest(kinds));
  if (button) return button == 1 && on(LINK);  // the middle one opens a tab
  if (on(PRESS + ',img,video,.dangol-items li>*')) return true;
  if (box.querySelector(PRESS)) return false;
  let words = new Range();
  return [...target.childNodes].some(node => {
    if (node.nodeType != 3) return false;
    words.selectNodeContents(node);
    return [...words.getClientRects()].some(line =>
      x > line.left - NEAR && x < line.right + NEAR && y > line.top - NEAR && y < line.bottom + NEAR);
  });
};

let DISMISSED = 'dangol_d', MONTH = 30 * 864e5;
let told = new Set();
let closed = () => Object.entries(core.read(DISMISSED)).filter(([, at]) => Date.now() - at < MONTH);

/* An offer that came too late to be shown counts against no cap. */
let missed = ({ offer, token }) => core.guard(() => {
  let visitor = doc.cookie.match(/\bdangol_v=([^;]+)/)?.[1];
  if (offer && token && visitor) navigator.sendBeacon(new URL('v1/personalize/missed', import.meta.url), JSON.stringify({ visitor, token }));
})();

/* What is told of an answer, ours or one that the page's own server asked for: each once, whoever tells it. */
let responses = ({ offer, slot, token }) => {
  let tell = core.guard(what => {
    let once = [what, token, offer?.campaign, slot].join();
    if (!offer || told.has(once)) return;
    told.add(once);
    core.track('Offer ' + what, { campaign: offer.campaign, variant: offer.variant, slot, token });
    core.flush();
  });
  return {
    viewed: seen => seen?.tagName ? watch(seen, () => tell('Viewed')) : tell('Viewed'),
    clicked: () => tell('Clicked'),
    dismissed() {
      if (!offer) return;
      core.put(DISMISSED, JSON.stringify({ ...Object.fromEntries(closed().slice(-49)), [offer.campaign]: Date.now() }));
      tell('Dismissed');
    }
  };
};
