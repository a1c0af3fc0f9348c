-- experiment/failure.lua: errors that carry the exit status of an experiment.
--
-- 0 holds, 1 a claim or the script fails, 2 usage, 3 interrupted, 4 out of resources (memory, disk).
local Failure = { __name = "perigee.failure" }
Failure.__tostring = function(self) return self.message end

local failure = { CLAIM = 1, SCRIPT = 1, USAGE = 2, INTERRUPT = 3, RESOURCES = 4 }

--- Raises an error with this status and a formatted message.
function failure.raise(status, format, ...)
  error(setmetatable({ status = status, message = format:format(...) }, Failure), 0)
end

--- The lines of the script that led to an error, below its message: "\n  at step.lua:41, in function 'update'" ... "" if
-- there is only the one that the message begins with. Frames of C and of this library are left out.
function failure.calls(level)
  local lines = {}
  for at = level + 1, 200 do
    local frame = debug.getinfo(at, "Sln")
    if not frame then break end
    if frame.currentline > 0 and frame.source:sub(1, 1) == "@" and frame.source:sub(1, 9) ~= "@perigee/" then
      lines[#lines + 1] = ("\n  %s %s:%d%s"):format(#lines == 0 and "at" or "called from", frame.short_src, frame.currentline,
        frame.name and (", in %s '%s'"):format(frame.namewhat ~= "" and frame.namewhat or "function", frame.name) or "")
    end
  end
  return #lines > 1 and table.concat(lines, "", 1, math.min(#lines, 12)) or ""
end

function failure.is(object) return getmetatable(object) == Failure end

return failure
