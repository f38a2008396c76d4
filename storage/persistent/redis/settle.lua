-- Ends claims. ARGV: for each its key, its token, 'complete', 'fail' or 'release', and the result
-- or the error.
-- Returns the positions, from 0, of those that are lost. A claim that was taken back is not, until
-- somebody else claims the task; the same said twice is said once.
begin_changes()
local now = now_us()
local lost = {}

local ends = {
  complete = function(task, result)
    if result ~= '' then redis.call('HSET', task_key(task.id), 'result', result) end
    leave(task)
    enter(task, 'done')
  end,
  fail = function(task, failure)
    redis.call('HSET', task_key(task.id), 'error', failure)
    if task.state == 'leased' then fail_try(task, now) else save_task(task) end
  end,
  release = give_try_back
}

for i = 1, #ARGV, 4 do
  local key, token, kind, text = unpack(ARGV, i, i + 3)
  local task = find_task(key)
  if not task or task.token ~= token or (task.settled ~= '' and task.settled ~= kind) then
    table.insert(lost, (i - 1) / 4)
  elseif task.settled == '' then
    task.settled = kind
    ends[kind](task, text)
  end
end
end_changes()
return lost
