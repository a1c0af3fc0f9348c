-- optim/lbfgs.lua: limited-memory BFGS. The direction is -H g, H the inverse Hessian that the last pairs s = x' - x, y = g' - g imply:
-- two-loop recursion of Nocedal (1980), started from  (s'y / y'y) I; step lengths by a strong Wolfe line search, so s'y > 0.
-- Liu & Nocedal (1989).
--
--   local x, info = optim.lbfgs{}:minimise(ad.value_and_grad(f), x0)
--   local opt = optim.lbfgs{};  for k = 1, n do opt:step(x, ad.value_and_grad(f)) end         one iteration at a time, in place
local pg = require "perigee"
local check = require "perigee.optim.check"
local line_search = require "perigee.optim.line_search"

local Lbfgs = { __name = "perigee.optim.lbfgs" }
Lbfgs.__index = Lbfgs

local function number(v) return pg.is_tensor(v) and v:item() or v end

-- f(x) -> value, gradient, checked and counted.
local function evaluate(self, f, x)
  local value, g = f(x)
  self.evaluated = self.evaluated + 1
  value = number(value)
  if type(value) ~= "number" or not pg.is_tensor(g) then
    error(("optim.lbfgs: the function must return a value and a gradient, got %s and %s"):format(type(value), pg.is_tensor(g) and "a tensor" or type(g)), 3)
  end
  if not check.same_shape(g, x) then
    error(("optim.lbfgs: x is %s, its gradient %s"):format(check.shape(x), check.shape(g)), 3)
  end
  return value, g
end

local function direction(self, g)
  local pairs_, alpha = self.pairs, {}
  local q = -g
  for i = #pairs_, 1, -1 do
    local p = pairs_[i]
    alpha[i] = p.s:dot(q) / p.sy
    q:sub_(alpha[i] * p.y)
  end
  local newest = pairs_[#pairs_]
  if newest then q:mul_(newest.sy / newest.y:dot(newest.y)) end
  for i, p in ipairs(pairs_) do q:add_((alpha[i] - p.y:dot(q) / p.sy) * p.s) end
  return q
end

local function search(self, f, x, value, g, d)
  local slope = g:dot(d)
  if not (slope < 0) then return nil end
  local function phi(a)
    local there = x + a * d
    local v, gradient = evaluate(self, f, there)
    return { a = a, value = v, slope = gradient:dot(d), x = there, g = gradient }
  end
  local first = #self.pairs > 0 and 1 or math.min(1, 1 / g:norm(1))
  return line_search(phi, { a = 0, value = value, slope = slope }, first, self.options)
end

-- Value and gradient at x: those of the last step if x is where it ended.
local function here(self, f, x)
  local last = self.last
  if last then
    if not check.same_shape(last.x, x) then
      error(("optim.lbfgs: x is %s, but the state belongs to %s; reset it"):format(check.shape(x), check.shape(last.x)), 3)
    end
    if last.x:eq(x):all() then return last.value, last.g end
  end
  return evaluate(self, f, x)
end

-- The pairs to remember after a move s that turned the gradient by y: a new list, the oldest dropped.
local function extended(self, s, y)
  local sy, list = s:dot(y), {}
  local informative = sy > 2e-16 * y:dot(y) and sy < math.huge -- otherwise there is no curvature to learn from
  local full = #self.pairs == self.options.memory
  for i = informative and full and 2 or 1, #self.pairs do list[#list + 1] = self.pairs[i] end
  if informative then list[#list + 1] = { s = s, y = y, sy = sy } end
  return list
end

--- One iteration from x, written into x; f(x) -> value, gradient. Returns x, the new value and gradient; if no acceptable step length
-- is found, nil and the reason, x unchanged.
function Lbfgs:step(x, f)
  if not pg.is_tensor(x) or (x:dtype() ~= "f32" and x:dtype() ~= "f64") then error("optim.lbfgs: x must be a tensor, f32 or f64", 2) end
  if not check.callable(f) then error("optim.lbfgs: step takes x and a function that returns value and gradient; got " .. type(f), 2) end
  local value, g = here(self, f, x)
  if value ~= value or math.abs(value) == math.huge then return nil, ("the value is %g"):format(value) end
  local found = search(self, f, x, value, g, direction(self, g))
  if not found and #self.pairs > 0 then -- forget the curvature and try the gradient
    self.pairs = {}
    found = search(self, f, x, value, g, -g)
  end
  self.last = self.last or { x = x:clone(), value = value, g = g:clone() }
  if not found then return nil, "no step length satisfies the Wolfe conditions" end
  local list = extended(self, found.x - x, found.g - g)
  local last = { x = found.x, value = found.value, g = found.g:clone() }
  x:copy_(found.x)
  self.pairs, self.last = list, last
  self.count = self.count + 1
  return x, found.value, self.last.g
end

--- The minimum of f from x0 (left alone): x, and { value, gradient, iterations, evaluations, converged, reason }. Stops when the largest
-- element of the gradient is at most `tolerance` (converged), after `iterations`, or where the line search fails. Starts anew.
function Lbfgs:minimise(f, x0)
  self:reset()
  if not pg.is_tensor(x0) then error("optim.lbfgs: minimise takes a function and a tensor x0, got " .. type(x0), 2) end
  if not check.callable(f) then error("optim.lbfgs: minimise takes a function that returns value and gradient; got " .. type(f), 2) end
  local x, reason = x0:clone(), "iterations"
  local value, g = evaluate(self, f, x)
  self.last = { x = x:clone(), value = value, g = g:clone() }
  local function done() return self.last.g:size() == 0 or self.last.g:abs():max() <= self.options.tolerance end
  while self.count < self.options.iterations and not done() do
    local ok, why = self:step(x, f)
    if not ok then
      reason = why
      break
    end
  end
  local converged = done()
  return x, { value = self.last.value, gradient = self.last.g, iterations = self.count, evaluations = self.evaluated, converged = converged,
              reason = converged and "gradient" or reason }
end

function Lbfgs:reset()
  self.pairs, self.count, self.evaluated, self.last = {}, 0, 0, nil
  return self
end

function Lbfgs:steps() return self.count end

local function save(self)
  local saved = { kind = "lbfgs", steps = self.count, evaluations = self.evaluated }
  if self.last then saved.x, saved.value, saved.gradient = self.last.x:clone(), self.last.value, self.last.g:clone() end
  if #self.pairs > 0 then
    local s, y = {}, {}
    for i, p in ipairs(self.pairs) do s[i], y[i] = p.s, p.y end
    saved.s, saved.y = pg.stack(s), pg.stack(y)
  end
  return saved
end

-- The pairs of a saved state, oldest first.
local function load_pairs(self, saved, like)
  local s, y, list = check.slot("optim.lbfgs", saved, "s"), check.slot("optim.lbfgs", saved, "y", saved.s), {}
  if not s then return list end
  if not y or s:dim(1) > self.options.memory then
    error(("optim.lbfgs: the saved state has %s"):format(y and s:dim(1) .. " pairs, more than this memory" or "no 'y'"), 3)
  end
  for i = 1, s:dim(1) do
    local si, yi = s[i]:clone(), y[i]:clone()
    if not like or not check.same_shape(si, like) then error("optim.lbfgs: the saved 's' does not fit the saved 'x'", 3) end
    list[i] = { s = si, y = yi, sy = si:dot(yi) }
  end
  return list
end

function Lbfgs:state(saved)
  if saved == nil then return save(self) end
  local who = "optim.lbfgs"
  check.state(who, "lbfgs", saved)
  local count = check.integer(who, "the saved number of steps", saved.steps, 0)
  local evaluated = check.integer(who, "the saved number of evaluations", saved.evaluations, 0)
  local x = check.slot(who, saved, "x", self.last and self.last.x)
  local g = check.slot(who, saved, "gradient", x)
  local list = load_pairs(self, saved, x)
  if x and not (g and type(saved.value) == "number") then error(who .. ": the saved state lacks the value or the gradient at its x", 2) end
  self.count, self.evaluated, self.pairs = count, evaluated, list
  self.last = x and { x = x, value = saved.value, g = g } or nil
  return self
end

function Lbfgs:__tostring() return ("lbfgs: memory %d, %d steps, %d evaluations"):format(self.options.memory, self.count, self.evaluated) end

--- L-BFGS with `memory` pairs; c1, c2 of the Wolfe conditions; `tolerance` and `iterations` end minimise; `evaluations` bounds one line search.
return function(opt)
  local who = "optim.lbfgs"
  opt = pg.options(who, opt, { memory = 10, tolerance = 1e-8, iterations = 1000, c1 = 1e-4, c2 = 0.9, evaluations = 30 })
  opt.memory = check.integer(who, "memory", opt.memory, 1)
  opt.iterations = check.integer(who, "iterations", opt.iterations, 0)
  opt.evaluations = check.integer(who, "evaluations", opt.evaluations, 1)
  check.number(who, "tolerance", opt.tolerance, 0, math.huge)
  if not (opt.c1 > 0 and opt.c1 < opt.c2 and opt.c2 < 1) then
    error(("%s: need 0 < c1 < c2 < 1, got c1 = %g, c2 = %g"):format(who, opt.c1, opt.c2), 2)
  end
  return setmetatable({ options = opt, pairs = {}, count = 0, evaluated = 0 }, Lbfgs)
end
