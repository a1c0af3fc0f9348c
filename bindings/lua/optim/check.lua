-- optim/check.lua: ranges of options, and saved states, for the optimisers written in Lua. `who` opens the messages.
local pg = require "perigee"

local check = {}

--- x, a number with lo <= x <= hi (strict: lo < x); raises on behalf of the caller's caller.
function check.number(who, name, x, lo, hi, strict)
  if type(x) ~= "number" then error(("%s: %s must be a number, got %s"):format(who, name, type(x)), 3) end
  if x >= lo and x <= hi and not (strict and x == lo) and math.abs(x) < math.huge then return x end
  local range = hi < math.huge and ("lie in %s%g, %g]"):format(strict and "(" or "[", lo, hi)
    or ("be finite and %s %g"):format(strict and ">" or ">=", lo)
  error(("%s: %s must %s, got %.14g"):format(who, name, range, x), 3)
end

--- x as an integer with x >= lo.
function check.integer(who, name, x, lo)
  local whole = math.tointeger(x)
  if not whole then error(("%s: %s must be an integer, got %s"):format(who, name, tostring(x)), 3) end
  if whole < lo then error(("%s: %s must be at least %d, got %d"):format(who, name, lo, whole), 3) end
  return whole
end

function check.shape(x) return ("%s (%s)"):format(x:dtype(), table.concat(x:dims(), ", ")) end

function check.same_shape(a, b) return check.shape(a) == check.shape(b) end

--- saved, a table that `state` of the same kind has given.
function check.state(who, kind, saved)
  if type(saved) ~= "table" or type(saved.kind) ~= "string" then error(who .. ": this is not a saved state: it has no kind", 3) end
  if saved.kind ~= kind then error(("%s: the saved state is one of '%s'"):format(who, saved.kind), 3) end
  return saved
end

--- saved[name], a tensor, or nil where there is none; of the shape of `like` unless that is nil. A copy.
function check.slot(who, saved, name, like)
  local x = saved[name]
  if x == nil then return nil end
  if not pg.is_tensor(x) then error(("%s: the saved '%s' must be a tensor, got %s"):format(who, name, type(x)), 3) end
  if like and not check.same_shape(x, like) then
    error(("%s: the saved '%s' is %s, not %s"):format(who, name, check.shape(x), check.shape(like)), 3)
  end
  return x:clone()
end

--- Whether f can be called.
function check.callable(f)
  local meta = type(f) ~= "function" and getmetatable(f)
  return type(f) == "function" or type(meta) == "table" and meta.__call ~= nil
end

return check
