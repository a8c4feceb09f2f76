-- KEYS: free (list of codes), codes (code → person). ARGV: codes. The answer: how many of them are new.
local added = 0
for _, code in ipairs(ARGV) do
  if redis.call('HSETNX', KEYS[2], code, '') == 1 then
    redis.call('RPUSH', KEYS[1], code)
    added = added + 1
  end
end
return added
