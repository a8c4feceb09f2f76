-- A decision that was not shown counts no longer: once, and only where the session, hour, day or week still is the one
-- that it was counted in.
-- KEYS[1]  one visitor's counts, as in caps.lua, with r = {nonce of a returned decision = when it was made, ms}
-- ARGV[1]  msgpack {nonce, at (when it was decided, ms), windows = {hour, day, week} of then, campaigns = {id, ...},
--          message (its id, or ''),
--          age (ms for which a nonce is remembered), kept (how many)}
-- Returns  1 when it was returned, else 0.

local ask = cmsgpack.unpack(ARGV[1])
local raw = redis.call('GET', KEYS[1])
local whole, state = pcall(cmsgpack.unpack, raw or '')
if not raw or not whole or type(state) ~= 'table' or type(state.c) ~= 'table' then return 0 end

local returned, kept = {}, 0
for nonce, at in pairs(state.r or {}) do
  if at >= ask.at - ask.age then returned[nonce], kept = at, kept + 1 end
end
if returned[ask.nonce] or kept >= ask.kept then return 0 end
returned[ask.nonce], state.r = ask.at, returned

if ask.message ~= '' then
  if not state.m or not state.m[ask.message] then return 0 end
  state.m[ask.message] = nil
end
for _, id in ipairs(ask.campaigns) do
  local entry = state.c[id]
  if entry and #entry.k == 5 and #entry.w == 3 then
    local same = {(state.s or 0) <= ask.at, true, true, true, true}
    for at = 1, 3 do same[at + 1] = entry.w[at] == ask.windows[at] end
    for per = 1, 5 do
      if same[per] then entry.k[per] = math.max(entry.k[per] - 1, 0) end
    end
  end
end

redis.call('SET', KEYS[1], cmsgpack.pack(state), 'KEEPTTL')
return 1
