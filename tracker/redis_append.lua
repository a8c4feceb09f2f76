-- Append records to their shards in the order given.
-- KEYS: every shard's stream. ARGV: (shard number from 1, key, value) for each record.
local last = {}
for i = 1, #ARGV, 3 do
  local stream = KEYS[tonumber(ARGV[i])]
  last[stream] = redis.call('XADD', stream, '*', 'k', ARGV[i + 1], 'v', ARGV[i + 2])
end
-- A position holds 20 bits of sequence. Where a clock that was set back makes Redis count on within one
-- millisecond, move to the next one long before they are used up.
for stream, id in pairs(last) do
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  if tonumber(seq) >= 1000000 then
    redis.call('XSETID', stream, string.format('%.0f-0', tonumber(ms) + 1))
  end
end
return #ARGV / 3
