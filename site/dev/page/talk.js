// The console of a frame that its program still keeps: entries of several lines, and values
// that open level by level. What guards it, and the PIN, are those of ticket.js.
(() => {
  'use strict';
  const { id, post, past, detail, say, unlock } = window.spindleTicket, main = document.querySelector('main.ticket');

  // ask asks, and for the PIN first if that is wanted.
  async function ask(args, output) {
    let answer = await post('console', { ticket: id, ...args });
    if (answer.status === 401 && await unlock(output)) answer = await post('console', { ticket: id, ...args });
    return answer;
  }

  // --- entries ---

  const fit = area => { area.style.height = 'auto'; area.style.height = area.scrollHeight + 'px'; };

  // newline goes on in another line, as deep as the last one asks for.
  function newline(area) {
    const before = area.value.slice(0, area.selectionStart), line = before.slice(before.lastIndexOf('\n') + 1);
    const indent = line.match(/^\s*/)[0] + (/:\s*(#.*)?$/.test(line) ? '    ' : '');
    area.setRangeText('\n' + indent, area.selectionStart, area.selectionEnd, 'end');
    fit(area);
  }

  for (const form of main.querySelectorAll('form.talk')) {
    const area = form.elements.expression, output = form.querySelector('output');
    let at = 0, busy = false;
    area.oninput = () => fit(area);
    area.onkeydown = e => {
      const several = area.value.includes('\n');
      if (e.key === 'Enter' && !e.isComposing) {
        const ends = /\n\s*$/.test(area.value) && area.selectionStart === area.value.length;
        if (e.shiftKey || several && !ends && !e.ctrlKey && !e.metaKey) newline(area);
        else form.requestSubmit();
      } else if (e.key === 'ArrowUp' && !several && at < past.length) { area.value = past[past.length - ++at]; fit(area); }
      else if (e.key === 'ArrowDown' && !several && at > 0) { area.value = --at ? past[past.length - at] : ''; fit(area); }
      else if (e.key === 'l' && e.ctrlKey) output.replaceChildren();
      else if (e.key === 'Escape' && area.value) { area.value = ''; at = 0; fit(area); }
      else return;
      e.preventDefault();
    };
    form.onsubmit = async e => {
      e.preventDefault();
      const expression = area.value.replace(/\s+$/, '');
      if (!expression || busy) return;
      busy = true;
      form.classList.add('busy');
      const answer = await ask({ frame: form.dataset.frame, expression }, output).catch(() => null);
      busy = false;
      form.classList.remove('busy');
      if (answer && answer.status === 202) return newline(area);
      if (past[past.length - 1] !== expression) past.push(expression);
      at = 0;
      area.value = '';
      fit(area);
      const asked = document.createElement('p');
      asked.textContent = expression;
      output.append(asked);
      if (!answer) say(output, 'The development server does not answer.');
      else if (answer.ok) output.insertAdjacentHTML('beforeend', await answer.text());
      else say(output, await detail(answer));
      output.scrollTop = output.scrollHeight;
      form.scrollIntoView({ block: 'nearest' });
    };
  }

  // --- values ---

  // fill puts the parts of a value in place of the element that stands for them.
  async function fill(list, ref, from, place) {
    const lost = text => {
      const li = document.createElement('li');
      li.className = 'lost';
      li.textContent = text;
      list.append(li);
    };
    if (main.dataset.gone) return lost(main.dataset.gone);
    const answer = await ask({ ref, from }, list).catch(() => null);
    if (place) place.remove();
    if (!answer) lost('The development server does not answer.');
    else if (answer.ok) list.insertAdjacentHTML('beforeend', await answer.text());
    else if (answer.status !== 401) lost(await detail(answer));
    return answer && answer.ok;
  }

  main.addEventListener('toggle', async e => {
    const d = e.target;
    if (!d.open || !d.dataset || !d.dataset.ref || d.dataset.asked) return;
    d.dataset.asked = '1';
    const list = d.querySelector('ul');
    list.replaceChildren();
    if (!await fill(list, d.dataset.ref, 0)) delete d.dataset.asked;
  }, true);

  main.addEventListener('click', e => {
    const button = e.target.closest('button[data-from]');
    if (button) fill(button.closest('ul'), button.dataset.ref, button.dataset.from, button.parentElement);
  });
})();
