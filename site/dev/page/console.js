// What goes wrong in the scripts of a page is said at the terminal; with --console, what the
// program prints is said here.
(() => {
  'use strict';
  if (window.__spindleConsole) return;
  window.__spindleConsole = true;
  const token = '{{token}}', seen = new Set();
  let left = 30; // of what one page may say

  function tell(text, stack) {
    text = String(text).slice(0, 2000);
    if (left <= 0 || seen.has(text)) return;
    seen.add(text);
    left--;
    const body = JSON.stringify({ text, stack: String(stack || '').slice(0, 6000).replaceAll(location.origin, ''), page: location.pathname + location.search });
    fetch('/__spindle__/browser', { method: 'POST', keepalive: true, headers: { 'X-Spindle-Token': token, 'Content-Type': 'application/json' }, body }).catch(() => {});
  }

  addEventListener('error', e => {
    if (!e.message) return; // a part of the page that could not be loaded: its request is in the log
    const place = e.filename ? `    at ${e.filename}:${e.lineno}:${e.colno}` : '';
    tell(e.message, e.error && e.error.stack || place);
  });
  addEventListener('unhandledrejection', e => {
    const why = e.reason;
    tell('Unhandled rejection: ' + (why instanceof Error ? `${why.name}: ${why.message}` : why), why && why.stack);
  });

  addEventListener('spindle-lines', e => {
    for (const line of e.detail) console.log('%c' + line.name, 'color: gray', line.text);
  });
})();
