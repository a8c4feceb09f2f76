// argv: host. The official @segment/analytics-node.
const { Analytics } = require('@segment/analytics-node');
const analytics = new Analytics({ writeKey: 'wk_test', host: process.argv[2], flushAt: 10, maxRetries: 0 });
analytics.on('error', error => { console.error(error); process.exitCode = 1 });
analytics.identify({ userId: 'u1', traits: { plan: 'gold' } });
analytics.track({ anonymousId: 'a1', event: 'Product Viewed', properties: { product_id: 'p1' }, messageId: 'm1' });
analytics.page({ userId: 'u1', name: 'Home', properties: { url: 'https://shop.example/' } });
analytics.screen({ userId: 'u1', name: 'Start' });
analytics.group({ userId: 'u1', groupId: 'g1' });
analytics.alias({ userId: 'u1', previousId: 'a1' });
analytics.closeAndFlush();
