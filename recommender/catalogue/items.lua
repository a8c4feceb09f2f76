-- Write items that differ and number the change.
-- KEYS: hash, changes (zset id -> version), version, seen (hash id -> ms).
-- ARGV: limit, then id, value, expected, seen, … ``expected``: the version of the item's last change as the writer has
-- read it, 0 for an item without one, "*" for whatever it is. ``seen``: ms, or "".
-- Returns the numbers (from 1) of the items that others have changed meanwhile, or -1 when the catalogue would exceed
-- its limit.
local changed, conflicts, earlier = {}, {}, {}
local fresh = 0
for i = 2, #ARGV, 4 do
  local id, value, expected, seen = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if expected ~= '*' and tonumber(redis.call('ZSCORE', KEYS[2], id) or 0) ~= tonumber(expected) then
    conflicts[#conflicts + 1] = (i + 2) / 4
  else
    local old = redis.call('HGET', KEYS[1], id)
    local known = seen ~= '' and redis.call('HGET', KEYS[4], id)
    if seen ~= '' and (not known or tonumber(seen) < tonumber(known)) then
      earlier[#earlier + 1] = i
    end
    if old ~= value then
      changed[#changed + 1] = i
      if not old then fresh = fresh + 1 end
    end
  end
end
if #changed + #earlier == 0 then
  return conflicts
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
for _, i in ipairs(earlier) do
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 3])
  redis.call('ZADD', KEYS[2], version, ARGV[i])
end
for _, i in ipairs(changed) do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[2], version, ARGV[i])
end
return conflicts
