/* Automatic events, for pages that ask for them: dangol('init', KEY, {events: true}). Served as
 * https://HOST/dangol-events.js, which other pages do not load.
 *
 * Clicks on links to other hosts and on files, forms that are sent, and pages that were not found. With {events: 'all'}
 * also for how long each page was in front and how far it was read.
 */
export default ({ track, flush, guard, options }) => {
  let page = document, loc = location;
  let FILE = /\.(pdf|docx?|xlsx?|pptx?|csv|txt|rtf|hwpx?|zip|rar|7z|gz|tar|dmg|exe|msi|apk|iso|mp3|wav|mp4|mov|avi|webm|epub)$/i;
  let listen = (event, f) => addEventListener(event, guard(f), true);
  /* What is told must not wait: the page may be left in this moment. */
  let tell = (name, properties) => {
    track(name, properties);
    flush(1);
  };

  let clicked = ({ target, button = 0 }) => {
    let link = button < 2 && target.closest?.('a[href],area[href]');
    if (!link || !/^https?:$/.test(link.protocol)) return;
    let { href, host, pathname } = link, text = (link.textContent || '').trim().slice(0, 100);
    if (FILE.test(pathname)) tell('File Downloaded', { href, file: decodeURIComponent(pathname.split('/').pop()), text });
    else if (host != loc.host) tell('Link Clicked', { href, text });
  };
  listen('click', clicked);
  listen('auxclick', clicked);

  listen('submit', ({ target: form }) => {
    let own = name => Element.prototype.getAttribute.call(form, name) || undefined;  // a field may be called "id"
    tell('Form Submitted', { form: own('id') || own('name'), action: new URL(own('action') || loc, loc).href.split('?')[0] });
  });

  // A server that answers 404 says so in the timing of the navigation, where the browser tells it.
  let { responseStatus } = performance.getEntriesByType('navigation')[0] || {};
  if (responseStatus == 404 || page.querySelector('meta[name=dangol-status][content="404"]')) track('Page Not Found', { href: loc.href });

  /* Each time that a view leaves the front: the seconds since it came there, which add up, and how much of the page was
   * seen so far, in percent. */
  let engagement = () => {
    let href = loc.href.split('#')[0], since = 0, depth = 0;
    let look = () => {
      let { scrollHeight, clientHeight } = page.documentElement;
      depth = Math.max(depth, Math.min(100, Math.round(100 * (scrollY + clientHeight) / (scrollHeight || 1))));
    };
    let begin = () => {
      if (page.visibilityState == 'visible') since ||= performance.now();
      look();
    };
    let leave = () => {
      let seconds = since && Math.round((performance.now() - since) / 1e3);
      since = 0;
      if (seconds > 0) tell('Page Engaged', { href, seconds, scroll: depth });
    };
    listen('scroll', look);
    listen('visibilitychange', () => page.visibilityState == 'visible' ? begin() : leave());
    listen('pagehide', leave);
    listen('pageshow', begin);
    setInterval(guard(() => {
      let now = loc.href.split('#')[0];
      if (now == href) return;
      leave();
      href = now;
      depth = 0;
      begin();
    }), 500);
    begin();
  };
  if (options.events == 'all') engagement();
  return {};
};
