-- Puts tasks in place as they stood elsewhere.
-- ARGV: for each task its key, value, result, error, state, tries.
begin_changes()

for i = 1, #ARGV, 6 do
  local key, value, result, failure, state, tries = unpack(ARGV, i, i + 5)
  local task = find_task(key)
  if task then
    leave(task)
    last.version = last.version + 1
    redis.call('HSET', task_key(task.id), 'value', value, 'version', last.version)
  else
    task = new_task(key, value)
  end
  redis.call('HSET', task_key(task.id), 'result', result, 'error', failure)
  set_tries(task, tonumber(tries))
  task.ready = task.tries > 0 and 1 or 0
  task.aborted = state == 'aborted'
  task.token = nil
  if state == 'todo' or state == 'leased' then
    enter_open(task)
  else
    enter(task, state)
  end
end
end_changes()
