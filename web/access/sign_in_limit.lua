-- Try once more to sign in, unless there were too many tries of late.
-- KEYS: the tries of one address, the newest first. ARGV: now, tries allowed, window in seconds.
-- Answers the seconds to wait, as text; "0" for a try that counts.
local now, most, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local oldest = tonumber(redis.call('LINDEX', KEYS[1], most - 1))
-- A try in the future is of a clock that was set back: it locks nobody out for longer than the window.
if oldest and math.abs(now - oldest) < window then return tostring(math.min(window, window - (now - oldest))) end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('EXPIRE', KEYS[1], math.ceil(window))
return '0'
