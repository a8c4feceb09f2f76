-- Claim an occasion: from due to claimed, if nothing speaks against it. Redis's clock tells how old the reading of the
-- person is, because the clocks of two machines differ.
-- KEYS    the occasion, the queue, what is claimed, counts; then the person's notes of sending and of cancelling, one of
--         each for every id of theirs; then, outside a cluster, the suppression list
-- ARGV    id, claimant, when the person was read (ms), how old that may be (ms), again (ms, 0: whenever),
--         the number of the person's ids, when the trigger happened (ms), fields of the suppression list
-- Returns {what, detail}: claimed, stale, gone, again, cancelled or suppressed.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local age = now - tonumber(ARGV[3])
if age < 0 or age > tonumber(ARGV[4]) then return {'stale', tostring(age)} end
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'due' then return {'gone', state or ''} end
local again, names, since = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
for at = 1, names do
  local sent = redis.call('GET', KEYS[4 + at])
  if again > 0 and sent then
    local when, id = string.match(sent, '^(%d+):(.*)$')
    if when and id ~= ARGV[1] and tonumber(when) + again > now then return {'again', when} end
  end
  local cancelled = tonumber(redis.call('GET', KEYS[4 + names + at]))
  if cancelled and cancelled > since then return {'cancelled', tostring(cancelled)} end
end
local list = KEYS[5 + 2 * names]
if list then
  for at = 8, #ARGV do
    if redis.call('HEXISTS', list, ARGV[at]) == 1 then return {'suppressed', ARGV[at]} end
  end
end
redis.call('HSET', KEYS[1], 'state', 'claimed', 'by', ARGV[2], 'at', now)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], now, ARGV[1])
redis.call('HINCRBY', KEYS[4], 'claimed', 1)
if again > 0 then
  for at = 1, names do redis.call('SET', KEYS[4 + at], now .. ':' .. ARGV[1], 'PX', again) end
end
return {'claimed', ''}
