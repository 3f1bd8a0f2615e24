// The hints of a request: what of its answer is not as HTTP wants it, above the answer.
(() => {
  'use strict';
  const { el, part } = window.spindle;
  addEventListener('spindle-request', e => {
    const hints = e.detail.hints;
    if (!hints || !hints.length) return;
    const list = el('ul', 'hint-list', ...hints.map(h => {
      const li = el('li', '', el('span', 'hint-text', h.text[0].toUpperCase() + h.text.slice(1)), ' ');
      const rfc = /^RFC (\d+) §([\d.]+)/.exec(h.section);
      const where = el(rfc ? 'a' : 'span', 'hint-section', h.section);
      if (rfc) {
        where.href = 'https://www.rfc-editor.org/rfc/rfc' + rfc[1] + '.html#section-' + rfc[2];
        where.target = '_blank';
        where.rel = 'noopener noreferrer';
      }
      li.append(where);
      return li;
    }));
    document.getElementById('d-body').prepend(part('Hints', hints.length === 1 ? 'one thing in this answer' : hints.length + ' things in this answer', list, 'wide hints'));
  });
})();
