-- Adds tasks.
-- ARGV: 'new' (all or none) or 'absent', then key and value of each.
-- Returns how many were new, or {key} of one that should have been.
begin_changes()

if ARGV[1] == 'new' then
  local seen = {}
  for i = 2, #ARGV, 2 do
    local key = ARGV[i]
    if seen[key] or redis.call('HEXISTS', ids, key) == 1 then return {key} end
    seen[key] = true
  end
end

local added = 0
for i = 2, #ARGV, 2 do
  if redis.call('HEXISTS', ids, ARGV[i]) == 0 then
    enter_open(new_task(ARGV[i], ARGV[i + 1]))
    added = added + 1
  end
end
end_changes()
return added
