// What the page of a ticket does: it copies itself as text, and has a console in each frame.
(() => {
  'use strict';
  const base = '/__spindle__/', main = document.querySelector('main.ticket'), id = main.dataset.ticket, secret = main.dataset.secret;

  // --- copying ---

  const copy = main.querySelector('[data-copy]');
  if (copy) copy.onclick = async () => {
    const answer = await fetch(base + 'tickets/' + id, { headers: { Accept: 'text/plain' } }).catch(() => null);
    if (!answer || !answer.ok) { copy.textContent = 'It is not kept any more'; return; }
    const text = await answer.text();
    try {
      await navigator.clipboard.writeText(text);
    } catch { // a page without TLS, under another name than localhost
      const box = document.createElement('textarea');
      box.value = text;
      document.body.append(box);
      box.select();
      document.execCommand('copy');
      box.remove();
    }
    copy.textContent = 'Copied';
    setTimeout(() => { copy.textContent = 'Copy as text'; }, 1600);
  };

  // --- the console ---

  const post = (path, args) => fetch(base + path, { method: 'POST', headers: { 'X-Spindle-Secret': secret }, body: new URLSearchParams(args) });
  const past = [];

  for (const form of main.querySelectorAll('form.console:not(.talk)')) {
    const input = form.elements.expression, output = form.querySelector('output');
    let at = 0;
    input.onkeydown = e => {
      if (e.key === 'ArrowUp' && at < past.length) input.value = past[past.length - ++at];
      else if (e.key === 'ArrowDown' && at > 0) input.value = --at ? past[past.length - at] : '';
      else if (e.key === 'l' && e.ctrlKey) output.replaceChildren();
      else return;
      e.preventDefault();
    };
    form.onsubmit = async e => {
      e.preventDefault();
      const expression = input.value.trim();
      if (!expression) return;
      if (past[past.length - 1] !== expression) past.push(expression);
      at = 0;
      input.value = '';
      const asked = document.createElement('p');
      asked.textContent = expression;
      output.append(asked);
      const args = { ticket: id, frame: form.dataset.frame, expression };
      let answer = await post('console', args);
      if (answer.status === 401 && await unlock(output)) answer = await post('console', args);
      if (answer.ok) output.insertAdjacentHTML('beforeend', await answer.text());
      else say(output, await detail(answer));
      input.scrollIntoView({ block: 'nearest' });
    };
  }

  async function detail(answer) {
    const text = await answer.text();
    try { return JSON.parse(text).detail || text; } catch { return text.split('\n')[1] || text; }
  }

  function say(output, text) {
    const p = document.createElement('p');
    p.className = 'lost';
    p.textContent = text;
    output.append(p);
  }

  window.spindleTicket = { id, post, past, detail, say, unlock }; // for talk.js

  // unlock asks for the PIN until it is right, or nobody wants to any more.
  function unlock(output) {
    return new Promise(done => {
      const ask = document.createElement('dialog');
      ask.className = 'pin failure';
      ask.innerHTML = '<form method="dialog"><h2>The console asks for a PIN</h2><p>The terminal where spindle dev runs shows it.</p>' +
        '<input name="pin" inputmode="numeric" autocomplete="off" placeholder="000-000-000" aria-label="PIN"><p class="lost" role="alert"></p>' +
        '<button>Open</button> <button type="button" class="plain">Leave</button></form>';
      main.append(ask);
      const form = ask.querySelector('form'), note = ask.querySelector('.lost');
      const end = ok => { ask.close(); ask.remove(); if (!ok) say(output, 'The console stays closed.'); done(ok); };
      form.onsubmit = async e => {
        e.preventDefault();
        note.textContent = '…';
        const answer = await post('pin', { pin: form.elements.pin.value });
        if (answer.ok) return end(true);
        note.textContent = await detail(answer);
        form.elements.pin.select();
      };
      ask.querySelector('.plain').onclick = () => end(false);
      ask.oncancel = () => end(false);
      ask.showModal();
    });
  }
})();
