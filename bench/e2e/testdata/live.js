// Node's ws against the echoes of live_test.go.
const WebSocket = require('ws');
const assert = require('assert');
const addr = process.argv[2];

const open = (path, options) => new Promise((resolve, reject) => {
  const ws = new WebSocket(`ws://${addr}/${path}`, 'echo', options);
  ws.once('open', () => resolve(ws));
  ws.once('error', reject);
});
const next = (ws) => new Promise((resolve, reject) => {
  ws.once('message', (data, binary) => resolve({ data, binary }));
  ws.once('close', (code, reason) => reject(new Error(`closed ${code} ${reason}`)));
});
const closed = (ws) => new Promise((resolve) => ws.once('close', (code, reason) => resolve([code, String(reason)])));

async function echoes(path, perMessageDeflate) {
  const ws = await open(path, { perMessageDeflate });
  ws.setMaxListeners(0);
  assert.strictEqual(ws.protocol, 'echo');
  assert.strictEqual(ws.extensions !== '', path !== 'plain' && perMessageDeflate !== false, path + ws.extensions);
  for (const n of [0, 1, 125, 126, 127, 1000, 65535, 65536, 300000]) {
    const bytes = Buffer.alloc(n, 'Grüße, abcdefgh ');
    for (const [payload, binary] of [[bytes, true], ['ä'.repeat(n / 2), false], [require('crypto').randomBytes(n), true]]) {
      ws.send(payload, { binary });
      const got = await next(ws);
      assert.strictEqual(got.binary, binary);
      assert(got.data.equals(Buffer.from(payload)), `${path}: ${n} bytes came back otherwise`);
    }
    ws.send(bytes.subarray(0, n / 3), { fin: false });
    ws.ping('within');
    ws.send(bytes.subarray(n / 3), { fin: true });
    assert((await next(ws)).data.equals(bytes), `${path}: fragments of ${n} bytes`);
  }
  const pinged = new Promise((resolve) => ws.once('ping', resolve));
  ws.send('ping me');
  assert.strictEqual(String(await pinged), 'are you there?');
  const ponged = new Promise((resolve) => ws.once('pong', resolve));
  ws.ping('hello');
  ws.send('close me');
  assert.deepStrictEqual(await closed(ws), [4001, 'as you say']);
  assert(await ponged !== undefined);
}

async function main() {
  for (const path of ['plain', 'anew', 'kept', 'small']) {
    for (const options of [false, {}, { serverNoContextTakeover: true, clientNoContextTakeover: true },
      { serverMaxWindowBits: 10, clientMaxWindowBits: 10, threshold: 0 }, { threshold: 0, clientMaxWindowBits: 15 }]) {
      await echoes(path, options);
    }
  }
  const ws = await open('plain', {});
  ws.close(3000, 'bye');
  assert.deepStrictEqual(await closed(ws), [3000, '']);
  const wrong = new WebSocket(`ws://${addr}/plain`, { origin: 'https://elsewhere.example' });
  const refused = await new Promise((resolve) => wrong.once('unexpected-response', (q, r) => resolve(r.statusCode)));
  assert.strictEqual(refused, 403);
  console.log('all is well');
  process.exit(0);
}
main().catch((e) => { console.error(e); process.exit(1); });
