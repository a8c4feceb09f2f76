// argv: host. The official @rudderstack/rudder-sdk-node: gzipped JSON under a content type that does not say so.
const module_ = require('@rudderstack/rudder-sdk-node');
const RudderAnalytics = module_.default || module_;
const client = new RudderAnalytics('wk_test', { dataPlaneUrl: process.argv[2], gzip: true, logLevel: 'error' });
client.identify({ userId: 'u1', traits: { plan: 'gold' } });
client.track({ userId: 'u1', event: 'Order Completed', properties: { order_id: 'o1', revenue: 9.5 } });
client.flush(error => {
  if (error) { console.error(error); process.exitCode = 1 }
  process.exit();
});
