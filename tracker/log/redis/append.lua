-- Append records to their shards, in each in the order given.
-- KEYS: every shard's stream, then every shard's counts.
-- ARGV: for each shard how many records, then key and value of each record, shard by shard.
local shards = #KEYS / 2
local at = shards + 1
for shard = 1, shards do
  local stream, id = KEYS[shard], nil
  local records = tonumber(ARGV[shard])
  if records > 0 then
    identity(stream, KEYS[shards + shard])
  end
  for _ = 1, records do
    id = redis.call('XADD', stream, '*', 'k', ARGV[at], 'v', ARGV[at + 1])
    at = at + 2
  end
  -- A position holds 20 bits of sequence. Where a clock that was set back makes Redis count on within one
  -- millisecond, move to the next one long before they are used up.
  if id then
    local ms, seq = string.match(id, '(%d+)-(%d+)')
    if tonumber(seq) >= 1000000 then
      redis.call('XSETID', stream, string.format('%.0f-0', tonumber(ms) + 1))
    end
  end
end
return (at - shards - 1) / 2
