/* A form to sign up, as an offer's creative: {title, text, signup: {consent, version, button, done, …}}. The second file
 * fetches this one with the first such offer. The box is ticked by the visitor, never before; what they agree to goes
 * along as it stands there, and a mail with a link confirms it. With ``popup`` it is a dialog: "exit" opens it when the
 * pointer leaves the page at its top, a number after so many seconds. The offer's token is the permission.
 */
export default ({ guard }, box, result) => {
  let { token, offer } = result, { title, text, signup } = offer.content, told = signup.done || '';
  let { consent, version, topics, item, popup, button = 'OK', label = 'E-mail', night, failed = '!' } = signup;
  let make = (parent, tag, words = '', more = {}) => {
    let made = Object.assign(document.createElement(tag), more);
    made.textContent = words;
    parent.append(made);
    return made;
  };
  let root = popup ? make(box, 'dialog', '', { className: 'dangol-signup' }) : box;
  if (popup) {
    make(root, 'strong', title);
    if (text) make(root, 'p', text);
  }
  let form = make(root, 'form', '', { className: 'dangol-signup-form' }), said = make(root, 'p');
  said.setAttribute('role', 'status');
  let tick = (words, required) => {
    let line = make(make(form, 'p'), 'label'), made = make(line, 'input', '', { type: 'checkbox', required });
    make(line, 'span', ' ' + words);
    return made;
  };
  let email = make(make(make(form, 'p'), 'label', label + ' '), 'input', '', { type: 'email', required: true, maxLength: 254, autocomplete: 'email' });
  tick(consent, true);
  let dark = night && tick(night, false), send = make(form, 'button', button);
  let visitor = guard(() => localStorage.dangol_v)() || document.cookie.match(/\bdangol_v=([^;]+)/)?.[1];
  form.onsubmit = guard(event => {
    event.preventDefault();
    send.disabled = true;
    fetch(new URL('v1/subscribe', import.meta.url), {
      method: 'POST',
      body: JSON.stringify({
        visitor, token, topics, item, email: email.value, textVersion: version, text: consent, page: location.href.slice(0, 3e3),
        night: dark ? dark.checked : undefined
      })
    }).then(reply => {
      if (!reply.ok) throw reply.status;
      form.remove();
      said.textContent = told;
      result.clicked();
    }).catch(() => {
      send.disabled = false;
      said.textContent = failed;
    });
  });
  if (!popup) return;
  make(root, 'button', String.fromCharCode(215), { type: 'button', className: 'dangol-dismiss' }).onclick = () => root.close();
  root.onclose = () => result.dismissed();
  let open = guard(() => {
    if (root.open || !root.isConnected) return;
    removeEventListener('mouseout', leaving, true);
    root.showModal();
    result.viewed();
  });
  let leaving = ({ relatedTarget, clientY }) => relatedTarget || clientY > 0 || open();
  if (popup > 0) setTimeout(open, popup * 1e3);
  else addEventListener('mouseout', leaving, true);
};
