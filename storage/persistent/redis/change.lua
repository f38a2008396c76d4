-- Changes a task, whoever works on it. ARGV: its key, the change.
-- Returns its number of tries, or nothing if it is not there.
begin_changes()
local task = find_task(ARGV[1])
if not task then return nil end
local leased, done = task.state == 'leased', task.state == 'done'

local function move(enter_anew)
  leave(task)
  enter_anew(task)
end

-- A leased or done task stays what it is, with another number of tries.
local function change_tries(tries)
  set_tries(task, tries)
  if leased or done then save_task(task) else move(enter_open) end
end

local changes = {
  mark_done = function()
    if done then return end
    task.token = nil
    move(function() enter(task, 'done') end)
  end,
  mark_not_done = function()
    if not done then return end
    task.token = nil
    redis.call('HDEL', task_key(task.id), 'result')
    move(enter_open)
  end,
  abort = function()
    if done then return end
    task.token, task.aborted = nil, true
    move(enter_open)
  end,
  unabort = function()
    task.aborted = false
    if leased or done then save_task(task) else move(enter_open) end
  end,
  increment_tries = function() change_tries(task.tries + 1) end,
  decrement_tries = function() change_tries(math.max(0, task.tries - 1)) end,
  reset_tries = function() change_tries(0) end
}
changes[ARGV[2]]()
end_changes()
return task.tries
