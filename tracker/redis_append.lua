-- Append records to their shards, in each in the order given.
-- KEYS: every shard's stream. ARGV: for each shard how many records, then key and value of each record, shard by shard.
local at = #KEYS + 1
for shard, stream in ipairs(KEYS) do
  local id
  for _ = 1, tonumber(ARGV[shard]) do
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
return (at - #KEYS - 1) / 2
