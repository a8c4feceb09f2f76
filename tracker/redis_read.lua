-- Read from the shards that the member still holds: a stopped process that wakes up must not take entries.
-- KEYS: for each shard its lease, its stream. ARGV: group, consumer, limit, then for each shard its lease value, its
-- cursor ('>' for new entries, an id for those read before but not committed).
-- Returns for each shard its entries, nil if the limit was reached before it, or 0 if its lease is lost.
local left, result = tonumber(ARGV[3]), {}
for i = 1, #KEYS / 2 do
  if redis.call('GET', KEYS[2 * i - 1]) ~= ARGV[2 * i + 2] then
    result[i] = 0
  elseif left > 0 then
    local reply = redis.call(
      'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', left, 'STREAMS', KEYS[2 * i], ARGV[2 * i + 3])
    result[i] = reply and reply[1][2] or {}
    left = left - #result[i]
  else
    result[i] = false
  end
end
return result
