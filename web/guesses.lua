-- Try once more to sign in, unless there were too many tries of late.
-- KEYS: the tries of one address, the newest first. ARGV: now, tries allowed, window in seconds.
-- Answers the seconds to wait, as text; "0" for a try that counts.
local now, most, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local oldest = tonumber(redis.call('LINDEX', KEYS[1], most - 1))
if oldest and now - oldest < window then return tostring(window - (now - oldest)) end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('EXPIRE', KEYS[1], math.ceil(window))
return '0'
