-- Save one profile (or alias) if its version is still the expected one.
-- KEYS[1] its key; ARGV: the expected version ("" for none), the value (version first), seconds to live.
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
