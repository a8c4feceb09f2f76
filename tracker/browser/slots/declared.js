/* Offers that the page's own server asked for and put into its HTML: <div data-dangol-offer='{"offer": …, "slot": …,
 * "token": …}'>, or data-dangol-offer="campaign" with data-dangol-variant, -slot and -token. And the start of all.
 */

let OFFER = '[data-dangol-offer]';
let adopted = new WeakMap();  // element → { key: what it said, stop: ends the watch }

let answerOf = ({ dataset: { dangolOffer: told, dangolVariant: variant, dangolSlot: slot, dangolToken: token } }) =>
  told.trim()[0] == '{' ? JSON.parse(told) : { offer: { campaign: told, variant }, slot, token };

let scan = () => doc.querySelectorAll.call(page, OFFER).forEach(core.guard(element => {
  let { dangolOffer, dangolToken } = element.dataset, key = dangolOffer + dangolToken, former = adopted.get(element), now = { key };
  if (former?.key == key) return;
  former?.stop?.();
  adopted.set(element, now);
  let answer = answerOf(element);
  if (closed().some(([campaign]) => campaign == answer.offer?.campaign)) hide(element);  // the server did not know yet
  else now.stop = watch(element, responses(answer).viewed);
}));

let hide = element => element.style.setProperty('display', 'none', 'important');

let press = event => {
  let on = kinds => is(event.target, '*') && event.target.closest(kinds), element = on(OFFER);
  if (!element) return;
  let { clicked, dismissed } = responses(answerOf(element));
  if (!element.contains(on('[data-dangol-dismiss]'))) return pressed(element, event) && clicked();
  if (event.button) return;
  dismissed();
  hide(element);
  focus(element.parentNode);
};

/* One observer for the page's whole life, whatever the number of slots. */
let due;
let observer = new MutationObserver(() => {
  settle();
  due ||= setTimeout(() => {
    due = 0;
    scan();
  }, PAUSE);
});
let look = root => observer.observe(root, { subtree: true, childList: true, attributeFilter: ['data-dangol-offer', 'data-dangol-token'] });

let listen = (event, f) => win.addEventListener(event, core.guard(f), true);
look(page);
['click', 'auxclick'].forEach(event => listen(event, press));
listen('pageshow', ({ persisted }) => {
  if (!persisted) return;
  shows++;
  places.forEach(refill);
});
// What they keep of a page for later must be the page's own.
listen('turbo:before-cache', () => keepClean(40));
listen('htmx:beforeHistorySave', () => keepClean());
scan();
let each = name => (result, seen) => responses(result)[name](seen);
let debug = () => import('./dangol-debug.js').then(file => file.default(core));
return { deliver, reserve, debug, viewed: each('viewed'), clicked: each('clicked'), dismissed: each('dismissed') };
