-- Check and count in one step: which offer, of those asked for in order, is still under its caps.
-- KEYS[1]  one visitor's counts: msgpack {l = last call, s = start of the session counted in, a = the campaign key it
--          began with, e = 1 when an "ever" cap counts,
--          m = {message = when it was counted, ms}, what is counted once however often it is asked for,
--          c = {campaign = {w = the hour, day and week counted in, k = counts this session, hour, day, week and
--          ever, t = last}}}; the campaign '' counts for fatigue, and '@' messages
-- ARGV[1]  msgpack {now, session = {last, start, key, gap, since, slack}, windows = {hour, day, week}, fatigue = {{per, limit}, ...}, keep, kept, look = true to count nothing,
--          contact (the limit of messages), messages (how many of them are remembered),
--          slots = {{{id, ghost, exempt, {{per, limit}, ...}, closes, message}, ...}, ...}}; per: 1 session .. 5 ever
-- ARGV[2..] counts like KEYS[1]'s, of the cookies that became this customer's
-- Returns  for each slot {the one to show (0: none), those withheld on the way...}, counted from 1.

local ask = cmsgpack.unpack(ARGV[1])

-- Whether the session that was counted in is over. What ingest knows (since: the session going on began then) counts
-- most; what it does not know yet is told by the bounds that profiles/session_rules.py gives: a cap holds from the first
-- request on.
local function over(state)
  local session = ask.session
  if session.since > 0 and session.since <= state.l then return false end
  if session.since > state.l + session.slack and session.since <= ask.now then return true end
  return state.l < session.last or (state.s or state.l) < session.start
    or session.key ~= '' and session.key ~= (state.a or '')
end

-- Read counts; those of a session, hour, day or week that is over become 0. Time only goes on: where clocks differ a little, the newest
-- counts; what lies further ahead was counted by a clock that has been set right since, and is over.
-- What cannot be read was damaged: it begins anew.
local function counts(raw)
  local state = cmsgpack.unpack(raw)
  state.l, state.c = state.l or 0, state.c or {}
  if state.l > ask.now + ask.session.gap then state.l = 0 end
  state.over = over(state)
  if state.over then
    state.s, state.a = ask.session.since > 0 and ask.session.since or ask.now, ask.session.key
  elseif ask.session.since > 0 and ask.session.since <= state.l then
    state.s = ask.session.since
  end
  for _, entry in pairs(state.c) do
    assert(#entry.k == 5 and #entry.w == 3 and entry.t + 0)
    if state.over then entry.k[1] = 0 end
    for at = 1, 3 do
      local behind = ask.windows[at] - entry.w[at]
      if behind > 0 or behind < -1 then entry.w[at], entry.k[at + 1] = ask.windows[at], 0 end
    end
  end
  return state
end

local function read(raw)
  local whole, state = pcall(counts, raw or '')
  return whole and state or {l = 0, s = ask.now, a = ask.session.key, c = {}, over = true}
end

local state = read(redis.call('GET', KEYS[1]))

for at = 2, #ARGV do
  local former = read(ARGV[at])
  for id, theirs in pairs(former.c) do
    local ours = state.c[id]
    if ours then
      for per = 1, 5 do ours.k[per] = ours.k[per] + theirs.k[per] end
      ours.t, ours.e = math.max(ours.t, theirs.t), ours.e or theirs.e
    else
      state.c[id] = theirs
    end
  end
  if former.l > state.l then state.l, state.s, state.a = former.l, former.s, former.a end
  state.e = state.e or former.e
end

-- A minute of an old visit more or less is not worth a write (and, with an fsynced AOF, a wait).
local changed = #ARGV > 1 or state.over or ask.now - state.l > math.min(60000, ask.session.gap / 30)
state.over = nil
state.l = math.max(state.l, ask.now)

local function under(id, caps)
  local entry = state.c[id]
  for _, cap in ipairs(caps) do
    if cap[1] == 5 and entry and not entry.e then  -- a cap that was added later
      state.e, entry.e, changed = 1, 1, true
    end
    if (entry and entry.k[cap[1]] or 0) >= cap[2] then return false end
  end
  return true
end

local function count(id, caps)
  changed = true
  local entry = state.c[id] or {w = {ask.windows[1], ask.windows[2], ask.windows[3]}, k = {0, 0, 0, 0, 0}}
  for _, cap in ipairs(caps) do
    if cap[1] == 5 then state.e, entry.e = 1, 1 end
  end
  for per = 1, 5 do entry.k[per] = entry.k[per] + 1 end
  entry.t = ask.now
  state.c[id] = entry
end

local answer, taken = {}, {}
for _, candidates in ipairs(ask.slots) do
  local shown, withheld, closed = 0, {}, false
  for index, candidate in ipairs(candidates) do
    local id, ghost, exempt, caps = candidate[1], candidate[2], candidate[3], candidate[4]
    local message = candidate[6] or ''
    local all, limits = '', ask.fatigue
    if message ~= '' then all, limits = '@', ask.contact end
    local counted = message ~= '' and state.m and state.m[message]
    if counted then
      if ghost then table.insert(withheld, index) else shown = index end
      break
    end
    if not taken[id] and (exempt or not closed and under(all, limits)) and under(id, caps) then
      taken[id] = true
      if message ~= '' then
        state.m = state.m or {}
        state.m[message], changed = ask.now, true
      end
      if ghost or not exempt or #caps > 0 then count(id, caps) end
      if ghost then
        table.insert(withheld, index)
        if candidate[5] then
          closed = true
          count(all, limits)
        end
      else
        if not exempt then count(all, limits) end
        shown = index
        break
      end
    end
  end
  table.insert(withheld, 1, shown)
  table.insert(answer, withheld)
end

if ask.look or not changed then return answer end

-- Bounded: the campaigns met longest ago go first, of those that no "ever" cap remembers.
local ids = {}
for id in pairs(state.c) do
  if id ~= '' and id ~= '@' then table.insert(ids, id) end
end
if #ids > ask.kept then
  table.sort(ids, function(a, b)
    local one, other = state.c[a], state.c[b]
    if one.e ~= other.e then return other.e == 1 end
    return one.t < other.t
  end)
  for index = 1, #ids - ask.kept do state.c[ids[index]] = nil end
end

if state.m then
  local messages = {}
  for id in pairs(state.m) do table.insert(messages, id) end
  table.sort(messages, function(a, b) return state.m[a] < state.m[b] end)
  for index = 1, #messages - ask.messages do state.m[messages[index]] = nil end
end

redis.call('SET', KEYS[1], cmsgpack.pack(state), 'EX', state.e and ask.keep[2] or ask.keep[1])
return answer
