// A server of Node behind a proxy: node proxy.js SOCKET. It prints a line when it is ready, and one
// for each client that left before its answer was done.
const http = require('http')
const size = 1 << 30
const piece = Buffer.alloc(64 << 10, 'x')

const server = http.createServer((q, s) => {
  s.on('close', () => { if (!s.writableFinished) console.log('left ' + q.url) })
  switch (q.url) {
    case '/big': {
      s.writeHead(200, { 'Content-Length': size })
      let n = 0
      const more = () => {
        while (n < size) {
          n += piece.length
          if (!s.write(piece)) return s.once('drain', more)
        }
        s.end()
      }
      return more()
    }
    case '/upload': {
      let n = 0
      q.on('data', d => { n += d.length })
      return q.on('end', () => s.end('got ' + n))
    }
    case '/events': {
      s.writeHead(200, { 'Content-Type': 'text/event-stream' })
      return s.write('data: first\n\n') // and no more
    }
    case '/hang': return
    case '/hints':
      s.writeEarlyHints({ link: '</a.css>; rel=preload' })
      return s.end('hinted')
    case '/trailers':
      s.writeHead(200, { Trailer: 'X-Sum' })
      s.write('content')
      s.addTrailers({ 'X-Sum': '7' })
      return s.end()
    case '/die':
      s.writeHead(200, { 'Content-Length': 1000 })
      s.write('some')
      return setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50)
    case '/half':
      s.writeHead(200, { 'Content-Length': 1000 })
      s.write('some')
      return setTimeout(() => s.destroy(), 50)
    case '/chunks':
      s.write('some')
      return setTimeout(() => s.destroy(), 50)
  }
  s.setHeader('Set-Cookie', ['a=1', 'b=2'])
  s.end(q.method + ' ' + q.url + ' ' + q.headers.host + ' ' + q.headers['x-forwarded-proto'] + ' ' + q.headers['x-forwarded-for'])
})
server.requestTimeout = 0
server.listen(process.argv[2], () => console.log('ready'))
