// A shop in Express with the middleware of tracker/middleware: node express.js DANGOL PORT
const path = require('path')
const express = require('express')
const dangolAgents = require(path.join(__dirname, '..', '..', '..', 'tracker', 'middleware', 'dangol-agents.cjs'))

const [dangol, port] = process.argv.slice(2)
const app = express()
app.use(dangolAgents({ host: dangol, key: 'sk_test', every: 50, timeout: 3600000 }))
app.get('/p/:name', (request, response) => response.send('<p>' + request.params.name))
app.get('/style.css', (request, response) => response.type('css').send('p{}'))
app.listen(Number(port), '127.0.0.1')
