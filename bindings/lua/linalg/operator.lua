-- linalg/operator.lua: what the iterative methods share: symmetric operators given as functions or matrices, start vectors, numbers.
--
-- An operator is a function v -> A v of vectors (d), or a tensor (d, d). Everything it returns is looked at: its shape, and that it is finite.
local pg = require "perigee"

local operator = {}

local function shape(t) return table.concat(t:dims(), ", ") end

--- A tensor as a Lua number. One that is being recorded has none: a method that decides by numbers cannot be differentiated.
function operator.number(who, x)
  if pg.is_tensor(x) then
    error(who .. ": cannot be differentiated; ad.stop(x) makes its operands constants if that is meant", 0)
  end
  return x
end

function operator.dot(who, a, b) return operator.number(who, (a * b):sum()) end
function operator.norm(who, a) return operator.number(who, a:norm()) end

local function check_result(who, y, v, calls)
  if not pg.is_tensor(y) then error(("%s: the operator returned %s at call %d, not a tensor"):format(who, type(y), calls), 0) end
  if y:ndim() ~= 1 or y:dim(1) ~= v:dim(1) then
    error(("%s: the operator returned shape (%s) for a vector of shape (%s)"):format(who, shape(y), shape(v)), 0)
  end
  if not operator.number(who, y:isfinite():all()) then
    error(("%s: the operator returned NaN or infinity at call %d, for a vector of norm %.3g"):format(who, calls, v:norm()), 0)
  end
  return y
end

--- The checked operator of a function or matrix, and its dimension (given as d, or that of the matrix).
function operator.make(who, A, d)
  local apply = A
  if pg.is_tensor(A) then
    if A:ndim() ~= 2 or A:dim(1) ~= A:dim(2) then error(("%s: the operator must be a function or a square matrix, got shape (%s)"):format(who, shape(A)), 0) end
    if d ~= nil and d ~= A:dim(1) then error(("%s: the dimension is %s, but the matrix is (%s)"):format(who, tostring(d), shape(A)), 0) end
    d = A:dim(1)
    apply = function(v) return A:mv(v) end
  elseif type(A) ~= "function" then
    error(("%s: the operator must be a function v -> A v or a square matrix, got a %s"):format(who, type(A)), 0)
  end
  if math.type(d) ~= "integer" or d < 1 then error(("%s: the dimension must be an integer >= 1, got %s"):format(who, tostring(d)), 0) end
  local calls = 0
  return function(v)
    calls = calls + 1
    return check_result(who, apply(v), v, calls)
  end, d
end

function operator.check_rng(who, rng)
  if type(rng) ~= "userdata" or pg.is_tensor(rng) then error(("%s: rng must be a stream, such as pg.rng(1), got %s"):format(who, tostring(rng)), 0) end
end

function operator.check_count(who, name, n, least)
  if math.type(n) ~= "integer" or n < least then error(("%s: %s must be an integer >= %d, got %s"):format(who, name, least, tostring(n)), 0) end
end

function operator.check_vector(who, name, v, d)
  if not pg.is_tensor(v) or v:ndim() ~= 1 or (d and v:dim(1) ~= d) then
    error(("%s: %s must be a vector%s, got %s"):format(who, name, d and (" (%d)"):format(d) or "", pg.is_tensor(v) and ("shape (%s)"):format(shape(v)) or type(v)), 0)
  end
end

--- A unit vector: the given start, or a normal one from rng.
function operator.start(who, opt, d)
  local v = opt.start
  if v then
    operator.check_vector(who, "start", v, d)
  elseif opt.rng then
    operator.check_rng(who, opt.rng)
    v = opt.rng:normal({ d }):cast(opt.dtype)
  else
    error(("%s: give a start vector or a stream: { rng = pg.rng(1) }"):format(who), 0)
  end
  local norm = operator.norm(who, v)
  if not (norm > 0 and norm < math.huge) then error(("%s: start has norm %g"):format(who, norm), 0) end
  return v / norm
end

--- function(...) that runs f(...) with what it raises by error(message, 0) blamed on the script's line.
function operator.public(f)
  return function(...)
    local r = table.pack(pcall(f, ...))
    if r[1] then return table.unpack(r, 2, r.n) end
    error(r[2], type(r[2]) == "string" and r[2]:find "^linalg%." and 2 or 0)
  end
end

return operator
