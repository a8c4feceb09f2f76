-- Add what one process counted, once: an answer that was lost is asked for again.
-- KEYS[1]  hash of one campaign's day: what was counted (v:<variant>, s:<stage>, d:<device>, c:<channel>), and
--          w:<process> the number of its last addition
-- ARGV     process, number of this addition, seconds to keep, fields that a day may have, then name, count, ...
-- Returns  1 when it was added, 0 when it was there.

local process, number = 'w:' .. ARGV[1], tonumber(ARGV[2])
if (tonumber(redis.call('HGET', KEYS[1], process)) or 0) >= number then return 0 end
local room = tonumber(ARGV[4]) - redis.call('HLEN', KEYS[1])
redis.call('HSET', KEYS[1], process, number)
for at = 5, #ARGV, 2 do
  local name = ARGV[at]
  if room > 0 or redis.call('HEXISTS', KEYS[1], name) == 1 then
    redis.call('HINCRBY', KEYS[1], name, ARGV[at + 1])
    room = room - 1
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
