-- optim/constrained.lua: optimisers whose steps end with a projection onto a set, or with a proximal map.
--
--   optim.projected(optim.sgd{ lr = 0.1 }, { ball = 1 })           theta = P(theta - lr g), projected (sub)gradient
--   optim.proximal(optim.sgd{ lr = 0.1 }, { l1 = 0.01 })            theta = prox_{lr f}(theta - lr g), proximal gradient
--
-- The map is applied to theta after the step: with momentum the velocity is that of the unconstrained step, and with nesterov
-- theta is the extrapolated point. For adam and its kin the proximal map keeps the scalar lr, not their metric.
local pg = require "perigee"
local optim = pg.optim
local check = require "perigee.optim.check"

local function single(who, given, kinds, extra)
  local found
  for _, kind in ipairs(kinds) do
    if given[kind] ~= nil then
      if found then error(("%s: give one of %s, not several"):format(who, table.concat(kinds, ", ")), 3) end
      found = kind
    end
  end
  local known = { [extra] = pg.optional }
  for _, kind in ipairs(kinds) do known[kind] = pg.optional end
  pg.options(who, given, known)
  if not found then error(("%s: give one of %s, or a function"):format(who, table.concat(kinds, ", ")), 3) end
  return found
end

local function projection(set)
  local who = "optim.projected"
  if check.callable(set) then return set, "a function" end
  if type(set) ~= "table" then error(who .. ": the set must be a table such as { ball = 1 }, or a function", 3) end
  local kind = single(who, set, { "box", "ball", "simplex" }, "centre")
  local value, centre = set[kind], set.centre
  if kind == "box" then
    if type(value) ~= "table" or #value ~= 2 then error(who .. ": box must be { lo, hi }", 3) end
    local lo, hi = value[1], value[2]
    return function(x) return optim.project_box(x, lo, hi) end, "box"
  end
  check.number(who, kind == "ball" and "radius" or "total", value, 0, math.huge, kind == "simplex")
  if kind == "ball" then return function(x) return optim.project_ball(x, value, centre) end, ("ball %.6g"):format(value) end
  return function(x) return optim.project_simplex(x, value) end, ("simplex %.6g"):format(value)
end

local function proximal_map(f)
  local who = "optim.proximal"
  if check.callable(f) then return f, "a function" end
  if type(f) ~= "table" then error(who .. ": the function must be a table such as { l1 = 0.1 }, or a function of x and lr", 3) end
  local kind = single(who, f, { "l1", "huber" }, "delta")
  local weight, delta = check.number(who, kind, f[kind], 0, math.huge), f.delta
  if kind == "l1" then return function(x, lr) return optim.soft_threshold(x, lr * weight) end, ("l1 %.6g"):format(weight) end
  check.number(who, "delta", delta, 0, math.huge, true)
  return function(x, lr) return optim.huber_prox(x, lr * weight, delta) end, ("huber %.6g, delta %.6g"):format(weight, delta)
end

-- Both wrappers: step, then theta:copy_(map(theta, lr)).
local function wrapper(kind)
  local Wrapped = { __name = "perigee.optim." .. kind }
  Wrapped.__index = Wrapped

  function Wrapped:step(theta, g)
    local lr = kind == "proximal" and self.inner:lr() or nil
    self.inner:step(theta, g)
    return theta:copy_(self.map(theta, lr))
  end

  function Wrapped:reset()
    self.inner:reset()
    return self
  end

  function Wrapped:steps() return self.inner:steps() end
  function Wrapped:lr() return self.inner:lr() end

  function Wrapped:state(saved)
    if saved == nil then return { kind = kind, steps = self.inner:steps(), inner = self.inner:state() } end
    self.inner:state(check.state("optim." .. kind, kind, saved).inner or {})
    return self
  end

  function Wrapped:__tostring() return ("%s: %s, [%s]"):format(kind, self.text, tostring(self.inner)) end
  return Wrapped
end

local Projected, Proximal = wrapper "projected", wrapper "proximal"

local function inner(who, opt, lr)
  if type(opt) ~= "userdata" and type(opt) ~= "table" or pg.is_tensor(opt) or not (opt.step and opt.reset and opt.state) then
    error(who .. ": the first argument must be an optimiser", 3)
  end
  if lr and not opt.lr then error(who .. ": the optimiser has no lr to scale the proximal map with", 3) end
  return opt
end

local constrained = {}

--- opt with every step followed by the projection onto { box = {lo, hi} }, { ball = radius[, centre =] } or { simplex = total }, or by a
-- function theta -> tensor.
function constrained.projected(opt, set)
  local map, text = projection(set)
  return setmetatable({ inner = inner("optim.projected", opt), map = map, text = text }, Projected)
end

--- opt with every step followed by the proximal map of lr times weight |x|_1, { l1 = weight }, or times Huber's function, { huber = weight,
-- delta = delta }, or by a function (theta, lr) -> tensor. lr is that of the step.
function constrained.proximal(opt, f)
  local map, text = proximal_map(f)
  return setmetatable({ inner = inner("optim.proximal", opt, true), map = map, text = text }, Proximal)
end

return constrained
