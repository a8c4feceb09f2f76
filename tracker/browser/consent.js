/* Reads what a consent banner of others says, and tells it to the snippet as dangol('consent', …) would. Served as
 * https://HOST/dangol-consent.js; the snippet fetches it before the first view where the page has such a signal.
 *
 * Until somebody decides, a signal that denies makes the page cookieless; it is no refusal. Which signal says what of our
 * purposes stands in docs/collecting.md.
 */
export default async ({ options, read, put }) => {
  let PATIENCE = 1e3;  // ms for a banner that does not answer
  let win = window, heard = options.heard = {}, asked = options.consent;
  let none = () => 0;

  /* Of several signals, the strictest holds for each purpose; undefined where none says anything. */
  let together = () => {
    let all = {};
    for (let said of Object.values(heard))
      for (let purpose in said) if (said[purpose] != null) all[purpose] = said[purpose] && all[purpose] !== false;
    return all;
  };
  let differs = choice => Object.keys(choice).some(purpose => read('dangol_c')[purpose] !== choice[purpose]);

  /* ``decided``: the visitor chose; else it is what holds until they do. */
  let hear = (name, said, decided) => {
    heard[name] = said;
    let all = together();
    options.consent = asked || (all.analytics === false && 'cookieless');
    if (decided && differs(all)) win.dangol('consent', all);
  };

  /* Google Consent Mode v2: what gtag() pushed, and pushes. An "update" is a choice, a "default" what holds before. */
  let google = () => {
    let now = {}, layer = win.dataLayer, original = layer.push;
    let mean = (entry, late) => {
      if (entry?.[0] != 'consent' || !/^(default|update)$/.test(entry[1])) return;
      let { region, ...said } = entry[2] || {};
      if (region && entry[1] == 'default') return;  // of some regions only: Google knows which this is, we do not
      Object.assign(now, said);
      let yes = (...names) => names.some(name => now[name] == 'denied') ? false
        : names.some(name => now[name] == 'granted') || undefined;
      hear('google', {
        analytics: yes('analytics_storage'),
        personalization: yes('personalization_storage', 'ad_personalization'),
        marketing: yes('ad_storage', 'ad_user_data')
      }, entry[1] == 'update');
    };
    layer.forEach(entry => mean(entry));
    layer.push = function (...entries) {
      let length = original.apply(this, entries);
      entries.forEach(entry => mean(entry, 1));
      return length;
    };
  };

  /* IAB TCF 2.2: purposes 1 (storage) and 8 or 9 (measuring content, audiences), 5 and 6 (personalized content), 3 and 4
   * (advertising). Where the GDPR does not apply, it says nothing. */
  let tcf = () => new Promise(done => {
    win.__tcfapi('addEventListener', 2, (data, success) => {
      if (!success || !data || data.cmpStatus == 'error') return done();
      if (data.gdprApplies === false) return done(hear('tcf', {}));
      let { consents = {}, legitimateInterests: interests = {} } = data.purpose || {};
      let may = purpose => !!(consents[purpose] || interests[purpose]);
      let decided = /^(tcloaded|useractioncomplete)$/.test(data.eventStatus);
      let analytics = !!consents[1] && (may(8) || may(9));
      hear('tcf', decided
        ? { analytics, personalization: analytics && may(5) && may(6), marketing: !!consents[1] && !!consents[3] && !!consents[4] }
        : { analytics: false }, decided);
      done();
    });
  });

  /* Shopify: its API is a feature that is loaded on demand, and tells every choice by an event. */
  let shopify = () => new Promise(done => {
    let say = decided => {
      let api = win.Shopify.customerPrivacy;
      if (!api?.analyticsProcessingAllowed) return done();
      hear('shopify', {
        analytics: api.analyticsProcessingAllowed(),
        personalization: api.preferencesProcessingAllowed(),
        marketing: api.marketingAllowed()
      }, decided || !api.shouldShowBanner?.());
      done();
    };
    document.addEventListener('visitorConsentCollected', () => say(1));
    if (win.Shopify.customerPrivacy?.analyticsProcessingAllowed || !win.Shopify.loadFeatures) return say();
    win.Shopify.loadFeatures([{ name: 'consent-tracking-api', version: '0.1' }], error => error ? done() : say());
  });

  /* WP Consent API: categories, and the event of a change. Without a type of consent nobody manages it. */
  let wordpress = () => {
    let say = decided => {
      let has = name => !!win.wp_has_consent(name);
      let analytics = has('statistics') || has('statistics-anonymous') && undefined;
      hear('wordpress', { analytics, personalization: has('preferences'), marketing: has('marketing') }, decided);
    };
    document.addEventListener('wp_listen_for_consent_change', () => setTimeout(() => say(1)));
    document.addEventListener('wp_consent_type_defined', () => say());
    if (win.wp_consent_type || win.wp_fallback_consent_type) say(/(^|; )wp_consent_statistics=/.test(document.cookie));
  };

  /* After the French regulator's exemption: an audience is measured without asking, by an id that lives 13 months and is
   * not renewed; for anything else the visitor is asked. Asked for by name: signals: 'cnil'. */
  let cnil = () => {
    let BORN = 'dangol_b', LIFE = 34e6, now = Date.now() / 1e3 | 0, { at } = read(BORN);  // seconds
    if (at <= now - LIFE) {
      localStorage.removeItem('dangol_v');
      document.cookie = 'dangol_v=;max-age=0;path=/' + (options.domain ? ';domain=' + options.domain : '');
      at = 0;
    }
    put(BORN, JSON.stringify({ at: at ||= now }));
    options.age = at + LIFE - now;
    put('dangol_c', JSON.stringify({ personalization: false, marketing: false, ...read('dangol_c') }));
  };

  let run = f => {
    try { return Promise.resolve(f()).catch(none) } catch (error) { console.debug('dangol', error) }
  };
  let waits = [];
  if (options.signals == 'cnil') run(cnil);
  if (win.dataLayer?.forEach && win.dataLayer.push) run(google);
  if (typeof win.wp_has_consent == 'function') run(wordpress);
  if (typeof win.__tcfapi == 'function') waits.push(run(tcf));
  if (win.Shopify?.loadFeatures || win.Shopify?.customerPrivacy) waits.push(run(shopify));
  if (waits[0]) await Promise.race([Promise.all(waits), new Promise(done => setTimeout(() => {
    // A banner that does not answer in time has not agreed to anything.
    if (!Object.keys(heard)[0]) options.consent ||= 'cookieless';
    done();
  }, PATIENCE))]);
  return {};
};
