/* For pages that were written for Matomo: understands `_paq` and sends to matomo.php, from wherever this was loaded or
 * `setTrackerUrl` says. Served as https://HOST/matomo.js and /piwik.js. A visitor that Matomo knew stays the same: the id in
 * its cookie is read. What it does not know is ignored, and said in the console's debug messages: it never breaks a page.
 */
((win, page) => {
  // As in snippet.js: the document's own properties, whatever elements of the page's content are called; and no <base>
  // in that content leads a relative address to another host.
  let doc = new Proxy(Document.prototype, {
    get: (own, name) => Reflect.get(own, name, page),
    set: (own, name, value) => Reflect.set(own, name, value, page)
  });
  let script = doc.currentScript, given = win._paq, LOADED = Symbol.for('dangol matomo');
  if (win[LOADED]) return;
  win[LOADED] = 1;
  let absolute = to => new URL(to, location.href).href;
  let beside = src => {
    let written = new URL(script.getAttribute('src'), location.href);
    return new URL('matomo.php', src.startsWith(written.origin + '/') ? src : written).href;
  };
  let url = script?.src ? beside(script.src) : absolute('matomo.php');
  let nav = navigator, site, user, proof, visitor, domain, address, title, referrer = doc.referrer, view = {}, lines = {};
  let dimensions = {}, cookies = true, silent = false, waiting;
  let YEAR = 34128e3, FILE = /\.(7z|apk|csv|dmg|docx?|exe|gz|mp3|mp4|pdf|pptx?|rar|tar|tgz|xlsx?|zip)$/i;

  let quiet = work => (...args) => { try { return work(...args) } catch (error) { console.debug('dangol matomo', error) } };
  let refused = () => nav.globalPrivacyControl || nav.doNotTrack == 1;
  let kept = name => doc.cookie.match(new RegExp('(?:^|; )' + name + '=([^;]*)'))?.[1];
  let keep = (name, value, age = YEAR) => {
    doc.cookie = name + '=' + value + ';max-age=' + age + ';path=/;samesite=lax' + (domain ? ';domain=' + domain : '') +
      (location.protocol == 'https:' ? ';secure' : '');
  };
  let hex = () => [...crypto.getRandomValues(new Uint8Array(8))].map(byte => (byte + 256).toString(16).slice(1)).join('');

  /* Of Matomo's own cookie, `_pk_id.SITE.HASH=ID.TIME.`, whatever its hash; else a new one. None where cookies are not wanted. */
  let id = () => {
    if (!cookies || refused()) return;
    visitor = visitor || kept('_pk_id\\.' + String(site).replace(/\W/g, '\\$&') + '\\.\\w+')?.slice(0, 16) || hex();
    keep('_pk_id.' + site + '.dngl', visitor + '.' + Math.floor(Date.now() / 1e3) + '.');
    return visitor;
  };

  let send = more => {
    if (site == null || silent || kept('mtm_optout')) return;
    if (waiting) return waiting.push(more);
    let fields = {
      idsite: site, rec: 1, url: address || location.href, urlref: referrer, action_name: title ?? doc.title,
      res: screen.width + 'x' + screen.height, _id: id(), uid: user, proof, send_image: 0, ...dimensions, ...more,
    };
    let body = new URLSearchParams();
    for (let [name, value] of Object.entries(fields)) if (value != null && value !== '') body.set(name, value);
    fetch(url, { method: 'POST', body, keepalive: body.toString().length < 6e4 }).catch(quiet(error => { throw error }));
  };
  let basket = () => JSON.stringify(Object.values(lines));
  let clicked = event => {
    let link = event.target.closest?.('a[href],area[href]');
    if (!link || !/^https?:/.test(link.protocol)) return;
    let download = link.hasAttribute('download') || FILE.test(link.pathname);
    if (download || link.host != location.host) send({ [download ? 'download' : 'link']: link.href });
  };

  let commands = {
    setTrackerUrl(to) { url = absolute(to) },
    setSiteId(number) { site = number },
    setUserId(name, sign) { user = name; proof = sign },
    resetUserId() { user = proof = null },
    setVisitorId(name) { visitor = name },
    setCookieDomain(name) { domain = name.replace(/^\*/, '') },
    disableCookies() { cookies = false },
    requireCookieConsent() { cookies = !!kept('mtm_cookie_consent') },
    setCookieConsentGiven() { cookies = true },
    rememberCookieConsentGiven() { cookies = true; keep('mtm_cookie_consent', Date.now()) },
    forgetCookieConsentGiven() { cookies = false; keep('mtm_cookie_consent', '', 0) },
    requireConsent() { waiting = kept('mtm_consent') ? null : [] },
    setConsentGiven() { let held = waiting || []; waiting = null; held.forEach(send) },
    rememberConsentGiven() { keep('mtm_consent', Date.now()); commands.setConsentGiven() },
    forgetConsentGiven() { keep('mtm_consent', '', 0); waiting = [] },
    optUserOut() { keep('mtm_optout', 1); silent = true },
    forgetUserOptOut() { keep('mtm_optout', '', 0); silent = false },
    setDoNotTrack(on) { silent = silent || !!on && !!refused() },
    setCustomUrl(to) { address = absolute(to) },
    setReferrerUrl(to) { referrer = to },
    setDocumentTitle(text) { title = text },
    setCustomDimension(number, value) { dimensions['dimension' + number] = value },
    deleteCustomDimension(number) { delete dimensions['dimension' + number] },
    setEcommerceView(_pks, _pkn, _pkc, _pkp) {
      view = { _pks: _pks || null, _pkn: _pkn || null, _pkp, _pkc: _pkc?.map ? JSON.stringify(_pkc) : _pkc || null };
    },
    trackPageView(named) { send({ ...view, action_name: named ?? title ?? doc.title }); view = {} },
    trackEvent(e_c, e_a, e_n, e_v) { send({ e_c, e_a, e_n, e_v }) },
    trackSiteSearch(search, search_cat, search_count) { send({ search, search_cat: search_cat || null, search_count }) },
    trackGoal(idgoal, revenue) { send({ idgoal, revenue }) },
    trackLink(to, kind) { send({ [kind == 'download' ? 'download' : 'link']: to }) },
    enableLinkTracking() {
      win.addEventListener('click', quiet(clicked), true);
      win.addEventListener('auxclick', quiet(clicked), true);
    },
    addEcommerceItem(sku, name, category, price, quantity) { lines[sku] = [sku, name || '', category || '', price || 0, quantity || 1] },
    removeEcommerceItem(sku) { delete lines[sku] },
    clearEcommerceCart() { lines = {} },
    trackEcommerceCartUpdate(revenue) { send({ idgoal: 0, revenue, ec_items: basket() }) },
    trackEcommerceOrder(ec_id, revenue, ec_st, ec_tx, ec_sh, ec_dt) {
      send({ idgoal: 0, ec_id, revenue, ec_st, ec_tx, ec_sh, ec_dt: ec_dt || null, ec_items: basket() });
      lines = {};
    },
    ping() { send({ ping: 1 }) },
  };

  let push = (...calls) => calls.forEach(quiet(call => {
    let [name, ...values] = call;
    let command = name.call ? name : commands[name];
    if (!command) throw 'unknown command ' + name;
    command.apply(commands, values);
  }));
  /* As Matomo does: what sets comes before what tracks, in whatever order a page says them. */
  let sets = call => /^(set(?!Ecommerce|Consent|CookieConsent)|disable|require)/.test(call[0]);
  let queue = Array.isArray(given) ? [...given] : [];  // else an element of that name
  win._paq = { push };
  push(...queue.filter(sets), ...queue.filter(call => !sets(call)));
})(window, document);
