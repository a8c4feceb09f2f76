// argv: host. The npm client matomo-tracker, single and bulk.
const MatomoTracker = require('matomo-tracker');
const matomo = new MatomoTracker(1, process.argv[2] + '/matomo.php', true);
matomo.on('error', error => { console.error(error); process.exitCode = 1 });
matomo.track('https://shop.example/');
matomo.track({ url: 'https://shop.example/p/7', action_name: 'Boot', _id: '0123456789abcdef', uid: 'u1', ua: 'Mozilla/5.0' });
matomo.track({ url: 'https://shop.example/', e_c: 'Videos', e_a: 'Play', e_n: 'Intro', e_v: 42, _id: '0123456789abcdef' });
matomo.trackBulk([
  { url: 'https://shop.example/a', _id: '0123456789abcdef' },
  { url: 'https://shop.example/thanks', _id: '0123456789abcdef', idgoal: 0, ec_id: 'o1', revenue: 99.5,
    ec_items: JSON.stringify([['p7', 'Boot', 'shoes', 49.75, 2]]) },
], body => console.log(body));
