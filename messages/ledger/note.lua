-- Note when an event happened last that cancels occasions.
-- KEYS    one person's note
-- ARGV    when (ms), how long to keep it (ms)

local known = tonumber(redis.call('GET', KEYS[1])) or 0
if tonumber(ARGV[1]) > known then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1
