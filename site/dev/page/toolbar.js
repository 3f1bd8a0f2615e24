// A line in a corner of each page: how it was made, and the way to the rest on the dashboard.
(() => {
  'use strict';
  if (window.__spindleToolbar || window !== top) return;
  window.__spindleToolbar = true;
  const base = '/__spindle__/', style = `
    :host { all: initial; position: fixed; z-index: 2147483645; left: 12px; bottom: 12px; max-width: calc(100vw - 24px); }
    div { display: flex; align-items: center; overflow: hidden; border-radius: 999px; background: #1c2450; color: #f4f5f2; font: 13px/1 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; box-shadow: 0 4px 16px rgb(0 0 0 / .25); opacity: .86; }
    div:hover, div:focus-within { opacity: 1; }
    a { display: flex; gap: 12px; padding: 9px 2px 9px 14px; color: inherit; text-decoration: none; white-space: nowrap; overflow: hidden; }
    b { color: #7ed0a6; } .warn b { color: #ffc066; } .bad b { color: #ff8a7a; } i { font-style: normal; color: #ffc066; }
    .by { overflow: hidden; text-overflow: ellipsis; }
    button { border: 0; background: none; color: #9aa3c7; font: inherit; padding: 9px 14px 9px 10px; cursor: pointer; }
    a:focus-visible, button:focus-visible { outline: 2px solid #f0a136; outline-offset: -3px; border-radius: 999px; }
    @media (max-width: 560px) { .by { display: none; } }`;
  let host, asked = 0;

  const ms = us => us < 10000 ? (us / 1000).toFixed(1) + ' ms' : us < 1e6 ? Math.round(us / 1000) + ' ms' : (us / 1e6).toFixed(1) + ' s';
  function part(name, text, more = '') {
    const e = document.createElement(name);
    e.textContent = text;
    e.className = more;
    return e;
  }

  async function show() {
    try { if (sessionStorage.getItem('spindle-toolbar') === 'off') return; } catch { /* not allowed here */ }
    const mine = ++asked;
    const answer = await fetch(base + 'made?target=' + encodeURIComponent(location.pathname + location.search)).catch(() => null);
    if (!answer || !answer.ok || mine !== asked) return;
    const made = await answer.json();
    if (!host) {
      host = document.createElement('spindle-dev');
      host.attachShadow({ mode: 'open' });
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(style);
      host.shadowRoot.adoptedStyleSheets = [sheet];
      document.documentElement.append(host);
    }
    const line = document.createElement('div'), link = document.createElement('a'), close = part('button', '✕');
    line.className = made.status >= 500 ? 'bad' : made.status >= 400 ? 'warn' : '';
    link.href = base + '#request-' + made.id;
    link.target = '_blank';
    link.rel = 'noopener';
    link.title = 'Fields, content, the way through the program: the dashboard';
    link.append(part('b', made.method + ' ' + made.status), part('span', ms(made.took)));
    const parts = performance.getEntriesByType('resource').filter(e => !e.name.includes(base)).length;
    if (parts) link.append(part('span', parts + (parts > 1 ? ' parts' : ' part')));
    if (made.answered) link.append(part('span', made.answered, 'by'));
    if (made.hints) link.append(part('i', made.hints + (made.hints > 1 ? ' hints' : ' hint')));
    close.type = 'button';
    close.title = 'Leave it out until this tab is closed';
    close.setAttribute('aria-label', close.title);
    close.onclick = () => {
      host.remove();
      try { sessionStorage.setItem('spindle-toolbar', 'off'); } catch { /* not allowed here */ }
    };
    line.append(link, close);
    host.shadowRoot.replaceChildren(line);
  }
  addEventListener('load', () => setTimeout(show, 50), { once: true });
  addEventListener('spindle:morph', () => setTimeout(show, 50));
})();
