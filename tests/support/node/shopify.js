/* Runs the custom pixel as Shopify's sandbox does: with analytics, browser and init. Arguments: the script's file, the
 * cookie of the snippet. Standard input: {customer, events}, the events as Shopify publishes them. */
const { readFileSync } = require('fs');
const [file, cookie] = process.argv.slice(2);
const { customer, events } = JSON.parse(readFileSync(0, 'utf8'));
const subscribed = {};
globalThis.analytics = { subscribe: (name, run) => { subscribed[name] = run; } };
globalThis.browser = { cookie: { get: async () => cookie || '' } };
globalThis.init = { data: { customer } };
(0, eval)(readFileSync(file, 'utf8'));
(async () => {
  for (const event of events) await subscribed[event.name]?.(event);
  console.log(Object.keys(subscribed).join(' '));
})();
