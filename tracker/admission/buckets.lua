-- Take tokens from a bucket that all processes share.
-- KEYS: the bucket. ARGV: wanted, per second, burst. Answers how many may be taken, as text.
local wanted, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local state = redis.call('HMGET', KEYS[1], 't', 'at')
-- A clock that was set back takes nothing away: from now on it earns as ever.
local passed = math.max(0, now - (tonumber(state[2]) or now))
local tokens = math.min(burst, (tonumber(state[1]) or burst) + passed * rate)
local taken = math.max(0, math.min(wanted, tokens))
redis.call('HSET', KEYS[1], 't', tokens - taken, 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return tostring(taken)
