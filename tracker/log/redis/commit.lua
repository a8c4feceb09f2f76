-- Acknowledge everything up to an id, then trim what every group has acknowledged.
-- KEYS: for each shard its stream, its lease, its counts. ARGV: group, consumer, then for each shard its lease value, its
-- identity, the id. Returns for each shard 1, 0 if its lease is lost, or -1 if the stream is another one.
local group, consumer = ARGV[1], ARGV[2]

local function acknowledge(stream, upto)
  local acked = 0
  while true do
    local pending = redis.call('XPENDING', stream, group, '-', upto, 1000, consumer)
    if #pending == 0 then
      return acked
    end
    local ids = {}
    for i, entry in ipairs(pending) do ids[i] = entry[1] end
    acked = acked + redis.call('XACK', stream, group, unpack(ids))
  end
end

-- The oldest id that some group still needs: its first unacknowledged entry, else what follows its last one.
local function oldest_needed(stream)
  local oldest_ms, oldest_seq = math.huge, 0
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local info = fields(flat)
    local id, after = info['last-delivered-id'], 1
    if info.pending > 0 then
      id, after = redis.call('XPENDING', stream, info.name)[2], 0
    end
    local ms, seq = string.match(id, '(%d+)-(%d+)')
    ms, seq = tonumber(ms), tonumber(seq) + after
    if ms < oldest_ms or (ms == oldest_ms and seq < oldest_seq) then
      oldest_ms, oldest_seq = ms, seq
    end
  end
  return string.format('%.0f-%.0f', oldest_ms, oldest_seq)
end

local result = {}
for i = 1, #KEYS / 3 do
  local stream, lease, counts = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  if redis.call('GET', lease) ~= ARGV[3 * i] then
    result[i] = 0
  elseif redis.call('HGET', counts, 'id') ~= ARGV[3 * i + 1] then
    result[i] = -1
  else
    local acked = acknowledge(stream, ARGV[3 * i + 2])
    if acked > 0 then
      redis.call('HINCRBY', counts, 'group:' .. group, acked)
      local trimmed = redis.call('XTRIM', stream, 'MINID', oldest_needed(stream))
      redis.call('HINCRBY', counts, 'trimmed', trimmed)
    end
    result[i] = 1
  end
end
return result
