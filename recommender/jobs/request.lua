-- Request a training, unless one is requested already.
-- KEYS: the request, the record. ARGV: id, record, seconds that both are kept. Returns 1 when it was stored.
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[3]) then
  return 0
end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
