/* Dangol's snippet, served as https://HOST/dangol.js
 *
 *   <script>
 *     window.dangol = window.dangol || function () { (dangol.q = dangol.q || []).push(arguments) };
 *     dangol('init', 'WRITE_KEY');
 *   </script>
 *   <script async src="https://HOST/dangol.js"></script>
 *
 * or, where a strict CSP forbids inline code: <script async src="https://HOST/dangol.js" data-key="WRITE_KEY">.
 *
 * Nothing here may throw into the page. An event is kept in storage, under a key of its own so that two tabs never
 * overwrite one another, until the tracker has acknowledged it; its id stays the same however often it is sent.
 * No build step: what you read is what is served, less comments and blanks. tests/ guard its 3 KB (gzip).
 */
((win, doc) => {
  let script = doc.currentScript, early = win.dangol;
  if (!script || early?.v) return;

  let base = script.src.replace(/[^/]*$/, '') + 'v1/', loc = win.location;
  let VISITOR = 'dangol_v', USER = 'dangol_u', CONSENT = 'dangol_c', DISMISSED = 'dangol_d', EVENT = 'dangol_e.';
  let KEPT = 100, DAY = 864e5, CHUNK = 5e4;

  let key, visitor, demo, options, alone, timer, lastUrl, referrer, product, made, drawer, drawn, policy, turns = 0, failures = 0, count = 1e6;
  let waiting = [];  // commands that came before init
  let slots = [];    // slots asked for in this tick
  let memory = {};   // stands in for blocked or full storage
  let sending = {};  // stored events that are under way

  let log = e => console.debug('dangol', e);
  let attempt = (f, ...args) => {
    try { return f(...args) } catch (e) { log(e) }
  };
  let guard = f => (...args) => attempt(f, ...args);

  let uuid = () => '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, c =>
    (c ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> c / 4).toString(16));

  let get = name => {
    try { return memory[name] || localStorage.getItem(name) } catch { return memory[name] }
  };
  let allowed = () => JSON.parse(get(CONSENT) || '{}');
  /* Who opted out (Global Privacy Control, Do Not Track, or here) leaves nothing behind but that. */
  let quiet = () => {
    let said = allowed().analytics;
    return said == null ? navigator.globalPrivacyControl || navigator.doNotTrack == 1 : !said;
  };
  let put = (name, value) => {
    try {
      if (name != CONSENT && quiet()) throw 0;
      localStorage.setItem(name, value);
    } catch { memory[name] = value }
  };
  let drop = name => {
    delete memory[name];
    try { localStorage.removeItem(name) } catch {}
  };
  let stored = () => {
    let names = Object.keys(memory);
    try { names.push(...Object.keys(localStorage)) } catch {}
    return names.filter(name => name.startsWith(EVENT)).sort();
  };

  /* Who this is: the cookie, renewed at every page; storage where cookies are blocked. */
  let cookie = () => {
    try { return doc.cookie.match(/(?:^|; )dangol_v=([\w.~-]+)/)[1] } catch {}
  };
  let remember = id => {
    visitor = id;
    try {
      doc.cookie = VISITOR + '=' + id + ';max-age=' + (quiet() ? 0 : 34128000) + ';path=/;samesite=lax' +
        (options.domain ? ';domain=' + options.domain : '') + (loc.protocol == 'https:' ? ';secure' : '');
    } catch {}
    cookie() == id ? drop(VISITOR) : put(VISITOR, id);
  };

  /* Events */
  let add = (type, fields) => {
    let now = new Date(), id = uuid();
    put(EVENT + +now + '.' + ++count + '.' + id, JSON.stringify({
      ...fields,
      type,
      messageId: id,
      timestamp: now,
      anonymousId: visitor,
      userId: get(USER) || undefined,
      context: {
        page: { url: loc.href, title: doc.title, referrer },
        demo: demo || undefined,
        consent: get(CONSENT) ? allowed() : undefined
      }
    }));
    soon(20);
  };
  let track = (event, properties) => add('track', { event, properties });
  let view = properties => {
    if (lastUrl) referrer = lastUrl;
    lastUrl = loc.href;
    add('page', { properties });
  };
  /* Single-page navigation: a new address is a page view, once the page has had time to set its title. */
  let moved = () => setTimeout(guard(() => {
    if (lastUrl.split('#')[0] != loc.href.split('#')[0]) product = 0, view();
  }), 60);

  let soon = ms => {
    clearTimeout(timer);
    timer = setTimeout(flush, ms);
  };

  let flush = guard(() => {
    clearTimeout(timer);
    let names = stored(), batch = [], events = '';
    names.forEach((name, i) => {
      if (names.length - i > KEPT || Date.now() - name.split('.')[1] > DAY) return drop(name);
      let event = get(name);
      if (!event || sending[name] || events && (alone || events.length + event.length > CHUNK)) return;
      batch.push(name);
      events += (events && ',') + event;
    });
    if (events) send(batch, events);
  });

  /* The reply is read to its end: until then Chromium counts the request against its 64 KB of keepalive. */
  let send = (names, events) => {
    names.forEach(name => sending[name] = 1);
    post('batch', {
      writeKey: key,
      sentAt: new Date(),
      context: {
        library: { name: 'dangol.js', version: '1' },
        new: made,
        locale: navigator.language,
        screen: { width: screen.width, height: screen.height },
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone
      }
    }, ',"batch":[' + events + ']}').then(r => r.json().then(reply => {
      if (reply.visitor && made) remember(reply.visitor);  // the server knew better: firstparty.py
      return r.status;
    })).catch(() => 0).then(guard(status => {
      let refused = status >= 400 && status < 500 && status != 408 && status != 429;
      let done = status == 200 || refused && !names[1];
      names.forEach(name => {
        delete sending[name];
        if (done) drop(name);
      });
      alone = refused;  // one bad event must not take its neighbours along
      failures = done || refused ? 0 : failures + 1;
      if (failures) soon(Math.min(5e3 * 2 ** failures, 3e5));
      else if (stored()[0]) soon(0);
    }));
  };

  /* text/plain: no preflight. keepalive: outlives the page, as sendBeacon does, and still tells the outcome. */
  let post = (path, head, tail = '}') => {
    let body = JSON.stringify(head).slice(0, -1) + tail;
    if (doc.visibilityState == 'hidden' && !('keepalive' in Request.prototype)) {
      navigator.sendBeacon(base + path, body);
      return new Promise(() => {});
    }
    return fetch(base + path, {
      method: 'POST', body, keepalive: body.length < 6e4, headers: { 'Content-Type': 'text/plain' }
    });
  };

  /* Personalization: the slots of one tick in one request, each id once; without an answer each gets {}. */
  let ask = () => {
    let asked = slots, item = product, turn = ++turns;
    let answer = reply => asked.forEach(guard((slot, i) => deliver(slot, reply.slots?.[slot.id] || {}, turn + i / 1e3)));
    slots = [];
    flush();
    post('personalize', {
      writeKey: key,
      visitor,
      user: get(USER) || null,
      slots: asked.filter((a, i) => asked.findIndex(b => a.id == b.id) == i).map(({ id, o: { kind, strategy, limit, filter, item: own } }) => {
        item = own || item;
        return { id, kind: kind || (strategy || limit || filter ? 'items' : 'offer'), strategy, limit, filter };
      }),
      page: { url: loc.href, item: item || null },
      dismissed: Object.keys(dismissed()),
      // The server hears of a withdrawal when its event is applied, which may be after this.
      consent: allowed().personalization === false ? { personalization: false } : undefined
    }).then(r => r.json()).then(answer, () => answer({}));
  };

  /* What Dangol draws itself, the second file draws: fetched beside the first answer, not by pages without slots. */
  let load = () => drawer || (drawer = new Promise(guard(done => {
    let made = doc.createElement('script'), url = base + '../dangol-slots.js';
    // Trusted Types: this very address, and HTML for the second file to clean. A page may refuse the policy.
    policy = attempt(() => win.trustedTypes?.createPolicy('dangol', { createScriptURL: () => url, createHTML: html => html }));
    made.src = policy ? policy.createScriptURL(url) : url;
    made.nonce = script.nonce;
    drawn = done;
    doc.head.append(made);
  })));
  let trust = html => policy ? policy.createHTML(html) : html;

  let deliver = ({ id, target, o }, result, turn) => {
    let { offer, token } = result, told = {};
    let tell = guard(what => {
      if (!offer || told[what]) return;
      told[what] = 1;
      track('Offer ' + what, { campaign: offer.campaign, variant: offer.variant, slot: id, token });
      flush();
    });
    result.slot = id;
    result.viewed = seen => seen?.tagName ? load().then(({ watch }) => watch(seen, () => tell('Viewed'))).catch(log) : tell('Viewed');
    result.clicked = () => tell('Clicked');
    result.dismissed = () => {
      if (!offer) return;
      put(DISMISSED, JSON.stringify({ ...dismissed(), [offer.campaign]: Date.now() }));
      tell('Dismissed');
    };
    target.call ? target(result) : load().then(({ draw }) => draw(target, result, o, guard((...args) => track(...args, flush())), { turn, trust })).catch(log);
  };

  let dismissed = () => Object.fromEntries(Object.entries(JSON.parse(get(DISMISSED) || '{}'))
    .filter(([, at]) => Date.now() - at < 30 * DAY).slice(-50));

  let commands = {
    init(k, o) {
      if (key || !k) return;
      key = k;
      options = o || {};
      if (options.host) base = options.host.replace(/\/?$/, '/v1/');
      demo = options.demo;
      referrer = doc.referrer;
      let known = cookie() || get(VISITOR);
      made = !known;
      remember(known || uuid());
      let listen = (on, event, f) => on.addEventListener(event, guard(f));
      if (options.auto !== false) {
        view();
        for (let name of ['pushState', 'replaceState']) {
          let original = history[name];
          history[name] = function () {
            original.apply(this, arguments);
            moved();
          };
        }
        listen(win, 'popstate', moved);
        listen(win, 'pageshow', e => e.persisted && view());
      }
      listen(win, 'online', flush);
      listen(win, 'pagehide', flush);
      listen(doc, 'visibilitychange', flush);
      waiting.forEach(run);
    },
    page: view,
    track(name, props) {
      if (name == 'Product Viewed') product = props?.product_id;
      track(name, props);
    },
    identify(id, traits) {
      if (id) put(USER, '' + id);
      add('identify', { traits });
    },
    reset() {
      made = false;
      drop(USER);
      remember(uuid());
    },
    consent(properties) {
      put(CONSENT, JSON.stringify({ ...allowed(), ...properties }));  // what is not named stays as it was
      if (quiet()) [USER, VISITOR].forEach(drop);
      remember(visitor);
      add('consent', { properties });
    },
    demo(on = true) { demo = on },
    slot(id, target, o) {
      if (!target) return;  // an offer that nobody can see would count against its caps
      o = o || {};
      if (!slots[0]) setTimeout(guard(ask));
      slots.push({ id, target, o });
      if (target.call) return;
      load();
      let place = o.height && (target.trim ? doc.querySelector(target) : target);
      if (place) place.style.minHeight = o.height + 'px';
    },
    drawer: ready => drawn(ready),
    viewed: (result, seen) => result.viewed(seen),
    clicked: result => result.clicked(),
    dismissed: result => result.dismissed(),
    flush
  };

  let run = guard(args => {
    if (key || args[0] == 'init') commands[args[0]](...[...args].slice(1));
    else waiting.push(args);
  });

  win.dangol = (...args) => run(args);
  win.dangol.v = 1;
  let { key: attribute, demo: marked } = script.dataset;
  if (attribute) run(['init', attribute, { demo: marked != null }]);
  (early?.q || []).forEach(run);
})(window, document);
