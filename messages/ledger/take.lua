-- Lease what is due to one worker: nobody else is given it for a while. It is not claimed by that.
-- KEYS    the queue
-- ARGV    now (ms), how many, until when (ms)
-- Returns their ids.

local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], 'XX', ARGV[3], id) end
return ids
