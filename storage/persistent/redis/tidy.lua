-- A piece of what takes too long for one script: after a change of max_tries, puts tasks where they
-- belong; after clear.lua, removes the tasks that are no more.
-- ARGV: most tasks to look at.
-- Returns 1 if there is more to do.
begin_changes()
local most = tonumber(ARGV[1])
local kept = redis.call('HMGET', meta, 'refit_from', 'swept_to', 'first_task', 'tries')
local refit_from, swept_to, first = tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3])
local more = 0

if refit_from and tonumber(kept[4]) == 0 then refit_from = last.task + 1 end -- none was tried
if refit_from then
  local till = math.min(refit_from + most, last.task + 1)
  for number = math.max(refit_from, first), till - 1 do
    local task = load_task(id_of(number))
    if task and queues[task.state] then
      leave(task)
      enter_open(task)
    end
  end
  redis.call('HSET', meta, 'refit_from', till)
  if till > last.task then redis.call('HDEL', meta, 'refit_from') else more = 1 end
end

if swept_to < first then
  local till = math.min(swept_to + most, first)
  for number = swept_to, till - 1 do redis.call('UNLINK', task_key(id_of(number))) end
  redis.call('HSET', meta, 'swept_to', till)
  if till < first then more = 1 end
end

end_changes()
return more
