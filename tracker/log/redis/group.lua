-- Make a consumer group that starts at the oldest record, unless it exists.
-- KEYS: stream, counts. ARGV: group.
identity(KEYS[1], KEYS[2])
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    if info[2] == ARGV[1] then
      return 0
    end
  end
end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
redis.call('HSET', KEYS[2], 'group:' .. ARGV[1], redis.call('HGET', KEYS[2], 'trimmed') or 0)
return 1
