-- Write items that differ and number the change.
-- KEYS: hash, changes (zset id -> version), version. ARGV: limit, then id, value, …
-- Returns the version, or -1 when the catalogue would exceed its limit.
local changed = {}
local fresh = 0
for i = 2, #ARGV, 2 do
  local old = redis.call('HGET', KEYS[1], ARGV[i])
  if old ~= ARGV[i + 1] then
    changed[#changed + 1] = i
    if not old then fresh = fresh + 1 end
  end
end
if #changed == 0 then
  return tonumber(redis.call('GET', KEYS[3]) or '0')
end
if redis.call('HLEN', KEYS[1]) + fresh > tonumber(ARGV[1]) then
  return -1
end
if redis.call('EXISTS', KEYS[3]) == 0 then
  -- A catalogue that is made anew must not use numbers that somebody has read up to: it begins at the microsecond.
  local now = redis.call('TIME')
  redis.call('SET', KEYS[3], string.format('%d%06d', now[1], now[2]))
end
local version = redis.call('INCR', KEYS[3])
for _, i in ipairs(changed) do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[2], version, ARGV[i])
end
return version
