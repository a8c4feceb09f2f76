-- One heartbeat of a member: say that it lives, give back shards beyond its fair share, lease free ones up to it.
-- KEYS: members, epoch, then every shard's lease.
-- ARGV: token ("member|incarnation"), member, lease in ms, 'join' | 'stay' | 'leave'.
-- Returns (shard number from 0, lease value) for every shard that the member now holds, flat.
-- A lease's value is "token|epoch": a shard that was lost and won again never looks as if it had been held all along.
local token, member, ttl, mode = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function starts(text, prefix)
  return text and string.sub(text, 1, #prefix) == prefix
end

if mode == 'join' then
  -- A process that was killed and started again under its name need not wait for its own lease to run out.
  for _, other in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if starts(other, member .. '|') then redis.call('ZREM', KEYS[1], other) end
  end
  for i = 3, #KEYS do
    if starts(redis.call('GET', KEYS[i]), member .. '|') then redis.call('DEL', KEYS[i]) end
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
-- Redis keeps the moments of the ends: after its clock was set back, those of who died before would be far away.
for _, other in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now + 2 * ttl, '+inf')) do
  redis.call('ZADD', KEYS[1], now + ttl, other)
end
for i = 3, #KEYS do
  if redis.call('PTTL', KEYS[i]) > 2 * ttl then redis.call('PEXPIRE', KEYS[i], ttl) end
end
if mode == 'leave' then
  redis.call('ZREM', KEYS[1], token)
else
  redis.call('ZADD', KEYS[1], now + ttl, token)
  redis.call('PEXPIRE', KEYS[1], ttl)
end

-- The first (shards mod members) members by name take one more than the others.
local members = redis.call('ZRANGE', KEYS[1], 0, -1)
table.sort(members)
local share, shards = 0, #KEYS - 2
for rank, name in ipairs(members) do
  if name == token then
    share = math.floor(shards / #members) + (rank <= shards % #members and 1 or 0)
  end
end

local held, free = {}, {}
for i = 3, #KEYS do
  local value = redis.call('GET', KEYS[i])
  if not value then
    free[#free + 1] = i
  elseif starts(value, token .. '|') then
    if #held / 2 < share then
      redis.call('PEXPIRE', KEYS[i], ttl)
      held[#held + 1] = i - 3
      held[#held + 1] = value
    else
      redis.call('DEL', KEYS[i])
    end
  end
end
for _, i in ipairs(free) do
  if #held / 2 < share then
    local value = token .. '|' .. redis.call('INCR', KEYS[2])
    redis.call('SET', KEYS[i], value, 'PX', ttl, 'NX')
    held[#held + 1] = i - 3
    held[#held + 1] = value
  end
end
return held
