/* dangol('debug'): says in the console what the snippet knows, stores and sends, and which signals of consent it read. */
export default ({ options, read }) => {
  let name = 'dangol', say = (...what) => console.info(name, ...what.map(each => each?.trim ? each : JSON.stringify(each)));
  let waiting = Object.keys(localStorage).filter(each => each.startsWith('dangol_e.'));
  say('options', { ...options });
  say('consent', read('dangol_c'), 'mode:', options.consent || 'none asked for');
  if (navigator.globalPrivacyControl) say('signal: Global Privacy Control, honoured as a refusal unless the visitor agreed here');
  if (navigator.doNotTrack == 1) say('signal: Do Not Track, honoured as a refusal unless the visitor agreed here');
  for (let [signal, meaning] of Object.entries(options.heard || {})) say('signal:', signal, 'means', meaning);
  say('visitor', localStorage.dangol_v || 'none', 'user', localStorage.dangol_u || 'none');
  say('events that wait', waiting.length, 'given up', localStorage.dangol_l || 0);
  return {};
};
