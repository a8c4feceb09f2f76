-- Add an occasion, unless it is known.
-- KEYS    the occasion, the queue of what is due, counts
-- ARGV    id, due (ms), what it is, how long to remember it (ms), the most that may wait
-- Returns 1 for a new one, 0 for a known one, -1 where too many wait.

if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then
  redis.call('HINCRBY', KEYS[3], 'full', 1)
  return -1
end
redis.call('HSET', KEYS[1], 'state', 'due', 'what', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('HINCRBY', KEYS[3], 'due', 1)
return 1
