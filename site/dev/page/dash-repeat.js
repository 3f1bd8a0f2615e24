// Requests that the server sends again after each save, until they pass: a list above the
// others, and the button of the page of a request.
(() => {
  'use strict';
  const { base, source, post, el, say, open } = window.spindle;
  const box = document.getElementById('repeats');
  let list = [];

  source.addEventListener('repeats', e => take(JSON.parse(e.data)));
  source.addEventListener('open', begin);
  addEventListener('spindle-request', name);
  async function begin() {
    const answer = await fetch(base + 'repeats', { cache: 'no-store' }).catch(() => null);
    if (answer && answer.ok) take(await answer.json());
  }

  // take draws the list; the page of a request goes on to the answer of the new program.
  function take(fresh) {
    const shown = window.spindle.shown();
    list = fresh;
    box.hidden = !list.length;
    box.replaceChildren(...list.map(row));
    if (!shown) return;
    const next = list.find(r => r.was === shown.id && r.state !== 'sending');
    if (next) open(next.of); else name();
  }

  const words = { waiting: 'is sent after the next save', sending: 'is being sent …', failing: 'does not pass yet', passes: 'passes' };
  function row(r) {
    const a = el('a', 'where', r.method + ' ' + r.target);
    a.href = '#request-' + r.of;
    const how = el('span', 'how', (r.status ? r.status + ' · ' : '') + (r.why || words[r.state]) + (r.tries ? ' · ' + r.tries + (r.tries === 1 ? ' try' : ' tries') : ''));
    const b = el('button', 'plain', r.state === 'passes' ? 'Done' : 'Stop');
    b.type = 'button';
    b.addEventListener('click', () => stop(r));
    return el('p', r.state, el('span', 'dot'), a, how, b);
  }
  const stop = r => post('repeats?stop=' + r.id).catch(() => {});

  // name says on the button, and above the answer, how it stands with the request shown.
  function name() {
    const v = window.spindle.shown(), b = document.getElementById('d-each');
    if (!v || !b) return;
    const r = list.find(x => x.of === v.id), on = !!r && r.state !== 'passes';
    b.setAttribute('aria-pressed', on);
    b.textContent = on ? 'Sent after each save …' : 'Send after each save';
    b.title = 'Until the status is below 400, by the development server: this page may be closed';
    if (r && r.tries && r.state === 'passes') say('It passes.');
    if (r && r.tries && r.state === 'failing') say('Not yet: it is sent again after the next save.', true);
  }
  window.spindle.repeat = async v => {
    const r = list.find(x => x.of === v.id && x.state !== 'passes');
    const answer = await (r ? stop(r) : post('repeats?request=' + v.id).catch(() => null));
    if (!answer || !answer.ok) say('It can not be sent again.', true);
  };
})();
