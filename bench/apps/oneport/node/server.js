// A server of Node: node server.js PORT-OR-SOCKET.
const http = require('http')

const server = http.createServer((q, s) => {
  if (q.url === '/time') {
    s.writeHead(200, { 'Content-Type': 'text/event-stream' })
    const timer = setInterval(() => s.write(`data: ${new Date().toISOString()}\n\n`), 100)
    return s.on('close', () => clearInterval(timer))
  }
  s.setHeader('Content-Type', 'text/html; charset=utf-8')
  s.end(`<!doctype html><title>Node</title><h1>Node</h1><p>${process.version} is asked for ${q.url} and says it is <b id="time">…</b></p>
<script>new EventSource("time").onmessage = (e) => { document.getElementById("time").textContent = e.data }</script>`)
})

server.listen(process.argv[2] || 3000, () => console.log('ready'))
