-- Read from the shards that the member still holds: a stopped process that wakes up must not take entries.
-- KEYS: for each shard its lease, its stream, its counts. ARGV: group, consumer, limit, then for each shard its lease
-- value, its identity, its cursor ('>' for new entries, an id for those read before but not committed).
-- Returns for each shard its entries, nil if the limit was reached before it, 0 if its lease is lost, or -1 if it is to
-- be taken over anew: the stream is another one, or somebody removed entries.
local left, result = tonumber(ARGV[3]), {}
for i = 1, #KEYS / 3 do
  local lease, stream, counts = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  local held, id, cursor = ARGV[3 * i + 1], ARGV[3 * i + 2], ARGV[3 * i + 3]
  if redis.call('GET', lease) ~= held then
    result[i] = 0
  elseif left > 0 then
    local _, gone = examined(stream, counts)
    if gone > 0 or redis.call('HGET', counts, 'id') ~= id then
      result[i] = -1
    else
      local reply = redis.call(
        'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', left, 'STREAMS', stream, cursor)
      result[i] = reply and reply[1][2] or {}
      left = left - #result[i]
    end
  else
    result[i] = false
  end
end
return result
