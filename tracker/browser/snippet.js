/* Dangol's snippet, served as https://HOST/dangol.js
 *
 *   <script>
 *     if(typeof dangol!='function')window.dangol=function(){(dangol.q=dangol.q||[]).push(arguments)};
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
((win, page) => {
  // An element of the page's content may be called "cookie" or "currentScript", and then it is what `document` gives
  // by that name. So the document's properties are read from where no name of an element stands before them.
  let own = name => Reflect.get(Document.prototype, name, page);
  let early = typeof win.dangol == 'function' && win.dangol, loc = win.location, data, base;  // else an element of that name
  if (early.v) return;
  let VISITOR = 'dangol_v', USER = 'dangol_u', CONSENT = 'dangol_c', DROPPED = 'dangol_l', EVENT = 'dangol_e.';

  let none, key, visitor, options, start, timer, lastUrl, referrer, unnamed, title, patience, product, made, signals, jar, failures = 0, flying = 0, count = 1e6;
  let waiting = [];  // commands that came before init
  let slots = [];    // slots asked for in this tick
  let memory = {};   // stands in for blocked or full storage
  let files = {};     // promises of what the other files do
  let sending = {};  // stored events that are under way
  let tried = {};    // those that came back: 1 and more, how often; .5: the tracker could not take them, whatever they are

  let log = e => console.debug('dangol', e);
  let guard = f => (...args) => {
    try { return f(...args) } catch (e) { log(e) }
  };

  // A module has no currentScript, and some loaders run a script from another element. Without any, init must say the host.
  [own('currentScript'), own('querySelector').call(page, 'script[src*="dangol.js"],script[data-key]')].some(guard(each => {
    // A relative address is one of this page's own host, whatever a <base> in the page's content makes of it.
    let src = each.src, written = new URL(each.getAttribute('src'), loc);
    base = new URL('v1/', new URL(src).origin == written.origin ? src : written);
    return data = { ...each.dataset };
  }));

  let random = () => crypto.getRandomValues(new BigUint64Array(1))[0].toString(36);

  let get = guard(name => memory[name] || localStorage.getItem(name));
  let read = name => guard(() => JSON.parse(get(name)))() || {};
  /* Who opted out (Global Privacy Control, Do Not Track, or here), or did not agree where the site asks first, leaves
   * nothing behind but that, and no id is sent. */
  let quiet = () => !(read(CONSENT).analytics ?? !(navigator.globalPrivacyControl || navigator.doNotTrack == 1 || options.consent));
  let put = guard((name, value) => {
    memory[name] = value;
    if (name != CONSENT && quiet()) return;
    localStorage.setItem(name, value);
    delete memory[name];
  });
  let drop = guard(name => {
    delete memory[name];
    localStorage.removeItem(name);
  });
  /* Given up; the next batch says how many that were. */
  let lose = name => {
    drop(name);
    put(DROPPED, -~get(DROPPED));
  };
  let stored = () => [memory, guard(() => localStorage)()].flatMap(store => Object.keys(store || {}))
    .filter(name => name.startsWith(EVENT)).sort();

  /* Who this is: in storage, since a cookie is slow to read, and in a cookie for the server, renewed at every page. The
   * cookie decides where several hosts share it. */
  let cookie = guard(() => jar ?? own('cookie').match(/\bdangol_v=([\w.~-]+)/)?.[1]);
  let who = () => visitor = options.domain && cookie() || get(VISITOR) || cookie() || visitor;  // another tab may have said reset
  let remember = id => {
    visitor = quiet() ? none : id;
    guard(Reflect.set)(Document.prototype, 'cookie', VISITOR + '=' + id + ';max-age=' + (quiet() ? 0 : options.age ?? 34e6) + ';path=/;samesite=lax' +
      (options.domain ? ';domain=' + options.domain : '') + (loc.protocol == 'https:' ? ';secure' : ''), page);
    quiet() ? drop(VISITOR) : put(VISITOR, id);
  };
  let renew = () => remember(who() || random());

  /* Events, in the short form that protocols/segment_messages.py reads. The name in storage has time, order and id. */
  let cut = text => text.slice(0, 3e3);  // an event may have 32 KB; the tracker cuts shorter, and says so
  let add = (type, fields) => {
    if (options.consent == 'required' && quiet() && type != 'consent') return;
    let name = EVENT + Date.now() + '.' + ++count + '.' + random();
    put(name, JSON.stringify({
      type,
      ...fields,
      v: quiet() && type != 'consent' ? none : who(),
      userId: get(USER) || none,
      u: cut(loc.href),
      t: cut(own('title')),
      r: cut(referrer ?? own('referrer')),
      demo: options.demo,
      consent: get(CONSENT) ? read(CONSENT) : none
    }));
    soon(20);
    return name;
  };
  let track = (event, properties) => {
    if (event == 'Product Viewed') product = properties?.product_id;
    add('track', { event, properties });
  };
  let view = properties => {
    referrer = lastUrl;
    lastUrl = loc.href;
    return add(none, { properties });
  };

  /* Navigation without a load is a view at once, so that it stands before what follows. Its title, and the address
   * that a router puts in place of the first, are added when the page has set them, or after 300 ms. */
  let rename = more => get(unnamed) && put(unnamed, JSON.stringify({ ...read(unnamed), t: cut(own('title')), ...more }));
  let place = (url, path) => (options.hash ? url : url.split('#')[0]).replace(path ? /\?[^#]*/g : '', '');
  let moved = guard(path => {
    let same = place(lastUrl, path) == place(loc.href, path);
    if (unnamed) rename(path && { u: cut(loc.href) });
    if (same || path && unnamed) return lastUrl = loc.href;
    product = 0;
    unnamed = view();
    title = own('title');
    patience = performance.now() + 300;
  });

  let soon = ms => {
    clearTimeout(timer);
    timer = setTimeout(flush, ms);
  };

  let bytes = text => new TextEncoder().encode(text).length;

  /* One batch of what was not sent yet. Browsers let 64 KB outlive the page, bodies that are under way included: here
   * 60,000 bytes, its head among them. An event goes alone where it failed (those that failed less go first) or has
   * more bytes than the tracker takes. */
  let flush = guard(leaving => {
    clearTimeout(timer);
    if (unnamed) {
      if (!leaving && title == own('title') && performance.now() < patience) return soon(50);
      rename();
      unnamed = 0;
    }
    if (!key) return;
    let batch = [], events = '', room = 59e3 - flying, alone;
    stored().sort((a, b) => (tried[a] + 3 >> 2) - (tried[b] + 3 >> 2)).forEach(name => {
      let event = get(name), [, at, , i] = name.split('.'), a = Date.now() - at;
      if (!event || sending[name] || alone) return;
      if (a > 864e5) return lose(name);
      event = `{"i":"${i}","a":${a},` + event.slice(1);
      let size = bytes(event), single = size > 32768 ? 2 : tried[name] >= 1;
      if ((events || flying) && size > room || events && single) return;
      alone = single;
      room -= size + 1;
      batch.push(name);
      events += (events && ',') + event;
    });
    if (events) send(batch, events, alone);
  });

  /* The reply is read to its end: until then Chromium counts the request against its 64 KB of keepalive. */
  let send = (names, events, alone) => {  // alone: 2 for an event that is too large, which is tried once
    let status = 0, dropped = get(DROPPED) | 0, body = JSON.stringify({
      writeKey: key,
      new: made || none,
      dropped: dropped || none,
      touch: navigator.maxTouchPoints || none
    }).slice(0, -1) + ',"batch":[' + events + ']}', size = bytes(body);
    if (alone || flying + size > 6e4) size = 0;
    flying += size;
    names.forEach(name => sending[name] = 1);
    post('batch', body, size > 0).then(([reply, code]) => {
      status = code;
      if (reply.visitor && made) remember(reply.visitor);  // the server knew better: protocols/server_cookie.py
    }).catch(log).then(guard(() => {
      let later = status == 429 || status > 500, refused = /^4(?!08|29)/.test(status);
      flying -= size;
      if (status == 200 && dropped) put(DROPPED, get(DROPPED) - dropped);
      names.forEach(name => {
        delete sending[name];
        if (status == 200) drop(name);
        else if (refused && !names[1] || alone > 1) lose(name);
        else tried[name] = later ? tried[name] || .5 : (tried[name] | 0) + 1;
      });
      let left = stored().filter(name => !sending[name]), again = left.filter(name => tried[name]);
      again.slice(0, -100).forEach(lose);
      failures = status == 200 || refused ? 0 : failures + (!size || later);
      if (left[0]) soon(left[again.length] || !failures ? 0 : 5e3 << Math.min(failures, 6));
    }));
  };

  /* A text needs no preflight. keepalive: outlives the page, as sendBeacon does, and still tells the outcome. What a
   * page puts in fetch's place may throw or give nothing: that fails as a request does. */
  let post = async (path, body, keepalive) => {
    let reply = await fetch(base + path, { method: 'POST', body, keepalive });
    return [await reply.json(), reply.status];
  };

  /* Personalization: the slots of one tick in one request, each id once. What the answer is for, the second file knows. */
  let ask = () => {
    let asked = slots.splice(0), item = product, closed = read('dangol_d');
    flush();
    let reply = post('personalize', JSON.stringify({
      writeKey: key,
      visitor: who(),
      slots: asked.filter(a => asked.find(b => a.id == b.id) == a).map(({ id, o: { kind, strategy, limit, filter, item: own } }) => {
        item = own || item;
        return { id, kind: kind || (strategy || limit || filter ? 'items' : 'offer'), strategy, limit, filter };
      }),
      page: { url: cut(loc.href), item: item || none },
      dismissed: Object.keys(closed).filter(campaign => Date.now() - closed[campaign] < 30 * 864e5),
      // The server hears of a withdrawal when its event is applied, which may be after this.
      consent: read(CONSENT).personalization === false ? { personalization: false } : none
    })).catch(() => [{}]);
    load(({ deliver }) => deliver(asked, reply));
  };

  /* What is drawn, seen and told of offers, the second file knows: fetched beside the first answer, not by pages without
   * slots and offers. An import holds up neither the page nor its load event. */
  let load = (then, name = 'slots') => (files[name] ||= import(base + '../dangol-' + name + '.js').then(file =>
    file.default({ track, flush, read, put, guard, options }))).then(then).catch(log);

  let commands = {
    /* On a first visit two tabs may come at once: one makes the visitor and holds the lock until the others can see it.
     * Without locks the last one to write wins, and all look what that was: a browser so old that is busy for longer
     * than we wait may count the first page as another visitor's. */
    init(k, o) {
      if (options || !k) return;
      options = o || {};
      if (options.host) base = new URL(options.host.replace(/\/?$/, '/v1/'), loc);
      if (!base) return console.warn('dangol: no host');
      let listen = (event, f) => addEventListener(event, guard(f), true);
      let begin = guard(() => {
        if (key || own('prerendering') || options.consent == 'required' && quiet() || signals) return;
        key = k;
        made ||= !who();
        if (!quiet()) renew();
        if (options.auto !== false) {
          view();
          ['pushState', 'replaceState'].forEach((name, path) => {
            let original = history[name];
            history[name] = (...args) => {
              original.apply(history, args);
              moved(path);
            };
          })
          listen('popstate', () => moved());
          listen('pageshow', e => e.persisted && view());
        }
        // Offers that the page's own server asked for, whenever they come.
        let find = () => own('querySelector').call(page, '[data-dangol-offer]') && load();
        new MutationObserver(find).observe(page, { childList: true, subtree: true });
        find();
        if (options.events) load(0, 'events');
        listen('online', flush);
        listen('visibilitychange', flush);
        waiting.splice(0).forEach(execute);
        if (quiet()) renew();
      });
      start = () => {
        if (get(VISITOR) || quiet() || !win.cookieStore && cookie()) return begin();
        if (navigator.locks) navigator.locks.request(VISITOR, async () => {
          // document.cookie waits for another process; this does not.
          jar = (await win.cookieStore?.get(VISITOR))?.value || '';
          begin();
          jar = none;
          return new Promise(done => setTimeout(done, 200));
        }).catch(begin);
        else {
          made = true;
          remember(random());
        }
        setTimeout(begin, 800);
      };
      listen('pagehide', begin);
      listen('pagehide', flush);
      listen('prerenderingchange', start);
      signals = options.signals ?? (win.__tcfapi || win.wp_has_consent || win.Shopify || win.dataLayer);
      // Once the commands are read that stand beside this one, and what a banner of others says.
      Promise.resolve(signals && load(0, 'consent')).then(() => start(signals = 0));
    },
    page: view,
    track,
    identify(id, traits, o) {
      if (id) put(USER, '' + id);
      add('identify', { traits, proof: o?.proof });
    },
    reset() {
      made = false;
      drop(USER);
      remember(random());
    },
    consent(properties) {
      if (!quiet()) renew();
      add('consent', { properties });
      if (!quiet()) return;
      drop(USER);
      renew();
    },
    demo(on = true) { options.demo = on },
    slot(id, target, o) {
      if (!target || options.consent == 'required' && quiet()) return;  // an offer that nobody can see would count against its caps
      o ||= {};
      if (slots.push({ id, target, o, at: Date.now() }) < 2) setTimeout(guard(ask));
      load(({ reserve }) => reserve(target, o));
    },
    flush
  };

  // viewed, clicked and dismissed are commands of the second file.
  let execute = guard(([name, ...rest]) => commands[name] ? commands[name](...rest) : load(told => told[name](...rest)));
  let run = guard(args => {
    let consent = args[0] == 'consent';
    // It holds at once, also for a view that came before it and waits. What is not named stays as it was.
    if (consent) put(CONSENT, JSON.stringify({ ...read(CONSENT), ...args[1] }));
    key || args[0] == 'init' ? execute(args) : waiting.push(args);
    if (consent) start?.();
  });

  (win.dangol = (...args) => run(args)).v = 1;
  for (let name in data) data[name] = data[name] != 'false' && (data[name] || true);
  if (data?.key) run(['init', data.key, data]);
  early.q?.forEach(run);
})(window, document);
