// argv: host. The official @snowplow/node-tracker, by POST and by GET, plain and base64.
const { newTracker, buildPageView, buildStructEvent, buildSelfDescribingEvent } = require('@snowplow/node-tracker');
for (const eventMethod of ['post', 'get']) {
  const tracker = newTracker(
    { namespace: eventMethod, appId: 'default', encodeBase64: eventMethod === 'get' },
    { endpoint: process.argv[2], eventMethod, bufferSize: 1 },
  );
  tracker.setUserId('u-' + eventMethod);
  tracker.setDomainUserId('d-' + eventMethod);
  tracker.track(buildPageView({ pageUrl: 'https://shop.example/한글', pageTitle: 'T', referrer: 'https://r.example/' }));
  tracker.track(buildStructEvent({ category: 'shop', action: 'Search', label: 'boots', value: 3 }));
  tracker.track(
    buildSelfDescribingEvent({
      event: {
        schema: 'iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2',
        data: { type: 'product_view' },
      },
    }),
    [{
      schema: 'iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0',
      data: { id: 'p7', name: 'Boot', category: 'shoes', price: 49.9, currency: 'EUR' },
    }],
  );
}
setTimeout(() => process.exit(), 1500);
