-- Say what became of an occasion.
-- KEYS    the occasion, the queue, what is claimed, counts
-- ARGV    id, claimant ('' for one that was not claimed), the new state, the reason, when it is due again (ms),
--         the latest claim (ms) that this is about ('' for any)
-- Returns 1 if it was so.

local state, by = unpack(redis.call('HMGET', KEYS[1], 'state', 'by'))
if not state then return 0 end
if ARGV[6] ~= '' then  -- a claim that nobody answered
  local at = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]))
  if state ~= 'claimed' or not at or at > tonumber(ARGV[6]) then return 0 end
elseif ARGV[2] ~= '' then  -- the claimant's own answer counts, also after it was given up
  if by ~= ARGV[2] or (state ~= 'claimed' and state ~= 'unknown') then return 0 end
elseif state ~= 'due' then
  return 0
end
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'reason', ARGV[4])
if state == 'unknown' then redis.call('HINCRBY', KEYS[4], 'unknown', -1) end
if ARGV[3] == 'due' then
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
else
  redis.call('ZREM', KEYS[2], ARGV[1])
  local name = ARGV[3]
  if name == 'refused' then name = name .. ':' .. ARGV[4] end
  redis.call('HINCRBY', KEYS[4], name, 1)
end
return 1
