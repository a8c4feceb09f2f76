// Tells Dangol which pages AI agents and crawlers read. One file without dependencies, for Express, Connect and node:http:
//
//   const dangolAgents = require('./dangol-agents.cjs')
//   app.use(dangolAgents({ host: 'https://your-dangol-host', key: 'YOUR_SECRET_KEY' }))
//
// It looks at the user agent of each GET of a page. Of people it tells nothing. A record waits in memory (`most` of them) and
// goes out in the background; a request never waits for Dangol, and no failure here reaches the application. While Dangol is
// away records are dropped; `sent` and `dropped` of the middleware count them. Dangol decides which agent it was.
'use strict'
const { createHash, randomUUID } = require('node:crypto')

const WORDS = ('bot crawl spider slurp yeti daum/ gpt claude perplexity gemini -user fetch scrap preview externalhit monitor archiv ' +
  'headless lighthouse google- googleother googleagent -agent http: https: linkcheck uptime ptst/ synthetics (compatible').split(' ')
const PAGES = /^(text\/html|application\/xhtml|text\/markdown)/i
const AT_ONCE = 100
const LONGEST_PAUSE = 60000

/** Whether a program may have sent this user agent. Dangol looks more closely. */
function isAgent(ua) {
  const text = ua.toLowerCase()
  return ua !== '' && (!/^(Mozilla|Opera)\//.test(ua) || WORDS.some((word) => text.includes(word)))
}

function record(ua, url, status) {
  return {
    type: 'page',
    messageId: randomUUID(),
    anonymousId: 'agent-' + createHash('sha256').update(ua).digest('hex').slice(0, 16),
    timestamp: new Date().toISOString(),
    properties: { status },
    context: { userAgent: ua.slice(0, 500), page: { url: url.slice(0, 2000) } }
  }
}

/** `timeout` (of a request to Dangol) and `every` (how long the first record waits for others) in ms. */
module.exports = function dangolAgents({ host, key, timeout = 3000, most = 1000, every = 1000 }) {
  const target = new URL(host.replace(/\/$/, '') + '/v1/batch')
  const http = require(target.protocol === 'https:' ? 'node:https' : 'node:http')
  const waiting = []
  let timer = null
  let pause = 0

  function middleware(request, response, next) {
    if (request.method === 'GET') response.on('finish', () => tell(request, response))
    if (next) next()
  }
  middleware.sent = middleware.dropped = 0

  function tell(request, response) {
    try {
      const ua = request.headers['user-agent'] || ''
      if (!PAGES.test(String(response.getHeader('content-type') || '')) || !isAgent(ua)) return
      if (waiting.length >= most) {
        middleware.dropped++
        return
      }
      const scheme = request.protocol || (request.socket.encrypted ? 'https' : 'http')
      const url = scheme + '://' + (request.headers.host || '') + (request.originalUrl || request.url)
      waiting.push(record(ua, url, response.statusCode))
      schedule(every)
    } catch {
      middleware.dropped++
    }
  }

  function schedule(delay) {
    if (!timer) timer = setTimeout(send, delay).unref()
  }

  function send() {
    const batch = waiting.splice(0, AT_ONCE)
    const body = JSON.stringify({ writeKey: key, context: { library: { name: 'dangol-agents' } }, batch })
    let over = false
    const done = (taken) => {
      if (over) return
      over = true
      clearTimeout(limit)
      if (taken) middleware.sent += batch.length
      else middleware.dropped += batch.length
      pause = taken ? 0 : Math.min(Math.max(1000, pause * 2), LONGEST_PAUSE)
      timer = null
      if (waiting.length) schedule(Math.max(pause, taken ? 0 : every))
    }
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
    const request = http.request(target, { method: 'POST', headers, agent: false }, (answer) => {
      answer.on('error', () => done(false))
      answer.on('end', () => done(answer.statusCode === 200))
      answer.resume()
    })
    request.on('error', () => done(false))
    request.on('socket', (socket) => socket.unref())
    const limit = setTimeout(() => {
      request.destroy()
      done(false)
    }, timeout).unref()
    request.end(body)
  }

  return middleware
}
module.exports.isAgent = isAgent
