-- Release or prolong a lock only if we still hold it. KEYS: lock. ARGV: holder, milliseconds (0 = release).
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  return redis.call('DEL', KEYS[1])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
