/* An offer or a list of items as elements. Texts go in as text; HTML is cleaned first. */

let boxOf = (place, result, o) => {
  let { offer, items = [], slot } = result, content = offer?.content;
  let box = doc.createElement.call(page, 'div');
  box.className = content ? 'dangol-offer' : 'dangol-items';
  if (content) {
    if (!content.signup?.popup) compose(box, content);
    if (content.signup) import(new URL('dangol-signup.js', import.meta.url)).then(file => file.default(core, box, result)).catch(core.guard(error => { throw error }));
    box.setAttribute('role', 'region');
    let heading = box.querySelector('h1,h2,h3,h4,h5,h6')?.textContent.trim();
    box.setAttribute('aria-label', o.label || heading || content.title || 'Offer');
  }
  if (items[0]) list(content ? el(box, 'div') : box, items, slot, o.currency);
  if (content && o.dismiss) {
    let button = el(box, 'button', String.fromCharCode(215));
    button.type = 'button';
    button.className = 'dangol-dismiss';
    button.setAttribute('aria-label', o.dismiss.trim ? o.dismiss : 'Close');
    button.onclick = event => {
      event.stopPropagation();
      let { element } = place;
      leave(place);
      result.dismissed();
      focus(element);  // it was in what is gone: it stays at the place, not at the top of the page
    };
  }
  box.addEventListener('focusin', ({ target }) => place.held = target);
  box.addEventListener('focusout', () => box.isConnected && (place.held = null));
  if (content) box.onclick = box.onauxclick = event => pressed(box, event) && result.clicked();
  return box;
};

/* What is no number, or no currency, stays as it came. */
let money = (price, currency) => {
  if (!currency || !price?.toFixed) return price;
  try {
    return new Intl.NumberFormat(doc.documentElement.lang || undefined, { style: 'currency', currency }).format(price);
  } catch { return price }
};

let list = (box, items, slot, currency) => {
  let rows = el(box, 'ul');
  rows.className = 'dangol-items';
  items.forEach(item => {
    let a = link(el(rows, 'li'), item.url);
    picture(a, item.image);
    el(a, 'span', item.name || item.id);
    el(a, 'b', money(item.price, item.currency || currency));
    a.onclick = a.onauxclick = ({ button }) => {
      if (!button || button == 1 && a.matches(LINK)) core.track('Product Clicked', { product_id: item.id, list_id: slot });
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

// A page with Trusted Types must allow this policy; what it gives is cleaned before it is drawn.
let policy, rules = { createHTML: html => html };
let parsable = html => (policy ||= win.trustedTypes?.createPolicy('dangol', rules) || rules).createHTML(html);

let compose = (box, { html, image, link: href, alt, title, text, width, height }) => {
  if (html) {
    // Parsed where nothing runs, and stripped of all that could run in our document or pass for a part of it. A form
    // goes first: its fields' names stand before its own properties.
    let parsed = doc.createElement.call(page, 'template');
    parsed.innerHTML = parsable(html);
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
