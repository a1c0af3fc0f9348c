-- linalg.lua: what linear algebra offers beyond its C core: matrix norms, and the iterative methods over operators.
local pg = require "perigee"
local core = pg.linalg
local krylov, trace = require "perigee.linalg.krylov", require "perigee.linalg.trace"

local linalg = {
  cg = krylov.cg, power = krylov.power, lanczos = krylov.lanczos,
  hutchinson = trace.hutchinson, hutchpp = trace.hutchpp, slq = trace.slq,
}

-- Of the last two axes: the largest sum over axis -1 - i of |a|.
local function largest_sum(a, axis)
  local sums = a:abs():sum(axis) -- the other one of the two is last now
  return sums:max(-1)
end

local norms = {
  frobenius = function(a) return a:norm { axes = { -2, -1 } } end,
  nuclear = function(a) return core.svdvals(a):sum(-1) end,
  [1] = function(a) return largest_sum(a, -2) end,
  [2] = function(a) return core.svdvals(a):max(-1) end,
  [math.huge] = function(a) return largest_sum(a, -1) end,
}

--- Norm of each matrix of a (..., m, n): "frobenius" (the default), "nuclear" (sum of singular values), 2 (the largest one), 1 (largest column
-- sum of |a|), math.huge (largest row sum). Differentiable.
function linalg.norm(a, kind)
  if not pg.is_tensor(a) or a:ndim() < 2 then
    error(("linalg.norm: a matrix is needed, got %s"):format(pg.is_tensor(a) and ("shape (%s)"):format(table.concat(a:dims(), ", ")) or type(a)), 2)
  end
  local f = norms[kind or "frobenius"]
  if not f then error(("linalg.norm: the kind must be 'frobenius', 'nuclear', 1, 2 or math.huge, got %s"):format(tostring(kind)), 2) end
  return f(a)
end

return linalg
