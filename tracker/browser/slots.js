/* What the snippet draws itself: offers and items in an element of the page. Served as https://HOST/dangol-slots.js;
 * the snippet fetches it when a page first asks for a slot that it does not draw by itself.
 *
 * The page keeps what it shows until the pictures are there, and then changes once. A page whose stylesheet says how
 * high the slot is does not move at all.
 */
((win, page) => {
  // As in snippet.js: the document's own properties, whatever elements of the page's content are called.
  let doc = new Proxy(Document.prototype, { get: (own, name) => Reflect.get(own, name, page) });
  let is = (node, kinds) => node instanceof Element && Element.prototype.matches.call(node, kinds);
  let NEEDED = 10, TICK = 100, PATIENCE = 2e3, NEAR = 8;  // ms and pixels
  let LINK = 'a[href],area', PRESS = LINK + ',button:not(.dangol-dismiss),input,select,label,summary,[role=button]';
  let STEPS = [...Array(101).keys()].map(percent => percent / 100);  // fine enough for an offer of many screens

  /* Seen: half of it on screen, or half of the screen's height full of it, in a tab that is in front, for a second on end. */
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
  };

  // A page with Trusted Types must allow this policy; what it gives is cleaned before it is drawn.
  let rules = { createHTML: html => html }, policy;
  let clean = html => (policy ||= win.trustedTypes?.createPolicy('dangol', rules) || rules).createHTML(html);

  let own = new WeakMap();     // what we drew → what the page itself has in its place
  let newest = new WeakMap();  // element → the turn of its newest answer

  /* ``turn``: the number of the request, and behind the point that of the slot in it. Later answers win, whenever they
   * come; a later request's even if there was nothing in it. ``trust`` makes of HTML what Trusted Types let us parse.
   * An earlier snippet, still in a cache, tells neither. */
  let draw = async (target, result, o, track, { turn, trust = clean } = {}) => {
    if (typeof target == 'string') target = doc.querySelector.call(page, target);
    let { offer, items = [], slot } = result, content = offer?.content, empty = !content && !items[0];
    let stale = () => newest.get(target) > turn;
    if (!target || stale()) return;
    newest.set(target, Math.max(newest.get(target) || 0, empty ? Math.floor(turn) : turn));
    if (empty) return;  // what the page shows already stays
    let box = doc.createElement.call(page, 'div');
    box.className = content ? 'dangol-offer' : 'dangol-items';
    if (content) compose(box, content, trust);
    if (content && !is(target, '[role],[aria-label],[aria-labelledby]')) {
      box.setAttribute('role', 'region');
      let heading = box.querySelector('h1,h2,h3,h4,h5,h6')?.textContent.trim();
      box.setAttribute('aria-label', o.label || heading || content.title || 'Offer');
    }
    if (items[0]) list(content ? el(box, 'div') : box, items, slot, track, o.currency);
    if (content && o.dismiss) {
      let button = el(box, 'button', String.fromCharCode(215));
      button.type = 'button';
      button.className = 'dangol-dismiss';
      button.setAttribute('aria-label', o.dismiss.trim ? o.dismiss : 'Close');
      button.onclick = event => {
        event.stopPropagation();
        box.replaceWith(...own.get(box));
        result.dismissed();
        // The focus was in what is gone: it stays at the place, not at the top of the page.
        if (target.tabIndex < 0) target.tabIndex = -1;
        target.focus?.({ preventScroll: true });
      };
    }
    let pictures = [...box.querySelectorAll('img')].map(image => image.decode().catch(() => 0));
    await Promise.race([Promise.all(pictures), new Promise(done => setTimeout(done, PATIENCE))]);
    if (stale()) return;
    // What we drew here earlier is not the page's own, nor is a copy that a framework kept of it.
    own.set(box, [...target.childNodes].flatMap(node => own.get(node) || (is(node, '.dangol-offer') ? [] : node)));
    target.replaceChildren(box);
    if (!content) return;
    box.onclick = box.onauxclick = event => pressed(box, event) && result.clicked();
    watch(box, result.viewed);
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

  /* What is no number, or no currency, stays as it came. */
  let money = (price, currency) => {
    if (!currency || !price?.toFixed) return price;
    try {
      return new Intl.NumberFormat(doc.documentElement.lang || undefined, { style: 'currency', currency }).format(price);
    } catch { return price }
  };

  let list = (box, items, slot, track, currency) => {
    let rows = el(box, 'ul');
    rows.className = 'dangol-items';
    items.forEach(item => {
      let a = link(el(rows, 'li'), item.url);
      picture(a, item.image);
      el(a, 'span', item.name || item.id);
      el(a, 'b', money(item.price, item.currency || currency));
      a.onclick = a.onauxclick = ({ button }) => {
        if (!button || button == 1 && a.matches(LINK)) track('Product Clicked', { product_id: item.id, list_id: slot });
      };
    });
  };

  let el = (parent, tag, text = '') => {
    let made = doc.createElement.call(page, tag);
    made.textContent = text;
    if (text !== '' || !/^(b|p|strong)$/.test(tag)) parent.append(made);
    return made;
  };
  /* An address of the web, of mail or of a telephone, or one without any scheme: no colon before the first / ? or #. */
  let harmless = url => /^(https?:|mailto:|tel:|[^:]*($|[/?#]))/i.test(url.replace(/[\s\0-\x1f]/g, ''));
  let ADDRESS = /href|src|action|cite|poster|ping|background|^(data|longdesc|manifest|usemap|codebase)$/i;
  let link = (parent, href) => {
    let made = el(parent, href && harmless(href) ? 'a' : 'div');
    made.href = href;
    return made;
  };
  /* Without an ``alt`` it is decoration: what it shows stands beside it, and is not read out twice. */
  let picture = (parent, src, alt, size) => {
    if (src) Object.assign(el(parent, 'img'), { alt: alt || '', ...size, src });
  };

  let compose = (box, { html, image, link: href, alt, title, text, width, height }, trust) => {
    if (html) {
      // Parsed where nothing runs, and stripped of all that could run in our document or pass for a part of it. A form
      // goes first: its fields' names stand before its own properties.
      let parsed = doc.createElement.call(page, 'template');
      parsed.innerHTML = trust(html);
      parsed = parsed.content;
      let remove = Element.prototype.remove;
      parsed.querySelectorAll('form').forEach(form => remove.call(form));
      parsed.querySelectorAll('script,iframe,frame,object,embed,base,meta,link,svg,math,template').forEach(e => remove.call(e));
      parsed.querySelectorAll('*').forEach(e => [...e.attributes].forEach(({ name, value }) => {
        let addresses = /srcset$/i.test(name) ? value.split(/[\s,]+(?=[^\s,])/) : [value];
        if (/^(on|srcdoc$|name$|id$)/i.test(name) || ADDRESS.test(name) && !addresses.every(harmless)) e.removeAttribute(name);
      }));
      box.append(...parsed.childNodes);
      return;
    }
    let a = link(box, href);
    picture(a, image, alt, width && height ? { width, height } : {});
    el(a, 'strong', title);
    el(a, 'p', text);
  };

  let DISMISSED = 'dangol_d', MONTH = 30 * 864e5;

  /* The answer to the slots of one request: each ``asked`` for gets its part of it, or {}. */
  let deliver = ({ log, track, flush, read, put, guard }, asked, reply, turn) => asked.forEach(guard(({ id, target, o }, i) => {
    let result = reply[id] || {}, { offer, token } = result, told = {};
    let tell = guard(what => {
      if (!offer || told[what]) return;
      told[what] = 1;
      track('Offer ' + what, { campaign: offer.campaign, variant: offer.variant, slot: id, token });
      flush();
    });
    result.slot = id;
    result.viewed = seen => seen?.tagName ? watch(seen, () => tell('Viewed')) : tell('Viewed');
    result.clicked = () => tell('Clicked');
    result.dismissed = () => {
      if (!offer) return;
      put(DISMISSED, JSON.stringify({ ...dismissed(read), [offer.campaign]: Date.now() }));
      tell('Dismissed');
    };
    target.call ? target(result) : draw(target, result, o, guard(track), { turn: turn + i / 1e3 }).catch(log);
  }));

  let dismissed = read => Object.fromEntries(Object.entries(read(DISMISSED))
    .filter(([, at]) => Date.now() - at < MONTH).slice(-50));

  win.dangol('drawer', { deliver, draw, watch });
})(window, document);
