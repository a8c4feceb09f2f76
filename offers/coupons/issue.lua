-- KEYS: issued (person → code), free (list of codes), codes (code → person). ARGV: the person.
-- The answer: the person's code ("" for none) and whether it was issued now.
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then return {known, 0} end
local code = redis.call('LPOP', KEYS[2])
if not code then return {'', 0} end
redis.call('HSET', KEYS[1], ARGV[1], code)
redis.call('HSET', KEYS[3], code, ARGV[1])
return {code, 1}
