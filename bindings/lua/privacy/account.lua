-- privacy/account.lua: delta, epsilon and the noise that is needed, of a mechanism or of stages of several.
--
-- A mechanism says how batches are drawn and how much noise is added: { sampler = a sampler or its description, sigma } or, by itself, { kind, sigma, ... }:
--   deterministic, shuffle_persistent, shuffle_dynamic, balls_and_bins      steps_per_epoch (not deterministic), epochs = 1
--   poisson, truncated_poisson                                              rate, steps; truncated: n, max_batch
-- sigma is noise over clip norm; neighbours differ in one record's being there or not, the number of records known ("zero-out").
-- A sampler is accounted for as what it is. accountant = "poisson-optimistic" forces the accountant of Poisson sampling on a shuffler, and the result says so.
-- method, by kind:
--   truncated_poisson    "tight" as well: the loss of truncated steps themselves instead of an extra term
--   poisson              "best" (Richardson of two grids; the default), "upper", "lower" (certified), "optimistic", "centred", "renyi" (an upper bound)
--   shuffle, balls       "lower" (the default): no guarantee; "estimate" of the dynamic shuffler's bound
local pg = require "perigee"
local compose = require "perigee.privacy.compose"
local gaussian = require "perigee.privacy.gaussian"
local loss = require "perigee.privacy.loss"
local shuffle = require "perigee.privacy.shuffle"

local account = {}
local exp, log, inf = math.exp, math.log, math.huge

-- ---- mechanisms ----

local kinds = { deterministic = true, shuffle_persistent = true, shuffle_dynamic = true, poisson = true, truncated_poisson = true, balls_and_bins = true }
local fields = { sampler = pg.optional, kind = pg.optional, sigma = pg.optional, rate = pg.optional, steps = pg.optional, steps_per_epoch = pg.optional, epochs = pg.optional,
  n = pg.optional, max_batch = pg.optional, batch = pg.optional, accountant = pg.optional, eps = pg.optional, delta = pg.optional, method = pg.optional, h = pg.optional,
  memory = pg.optional, rng = pg.optional, trials = pg.optional, solve = pg.optional, stages = pg.optional, max_sigma = pg.optional }

local function whole(who, name, x)
  local n = type(x) == "number" and math.tointeger(x)
  if not n or n < 1 then error(("%s: %s must be a whole number >= 1, got %s"):format(who, name, tostring(x)), 4) end
  return n
end

local function mechanism(who, given, free)
  local opt = pg.options(who, given, fields)
  local d = opt.sampler
  if d ~= nil then
    if type(d) ~= "table" then error(("%s: sampler must be a sampler or its description, got %s"):format(who, type(d)), 3) end
    if type(d.describe) == "function" then d = d:describe() end
    for _, name in ipairs { "kind", "rate", "steps_per_epoch", "epochs", "n", "max_batch", "batch" } do
      if opt[name] == nil then opt[name] = d[name] end
    end
    if opt.steps == nil and d.steps_per_epoch then opt.steps = d.steps_per_epoch * (opt.epochs or 1) end
  end
  if not kinds[opt.kind] then error(("%s: kind must be deterministic, shuffle_persistent, shuffle_dynamic, poisson, truncated_poisson or balls_and_bins, got %s"):format(who, tostring(opt.kind)), 3) end
  opt.forced = nil
  if opt.accountant ~= nil then
    if opt.accountant ~= "poisson-optimistic" then error(("%s: the only accountant to be forced is \"poisson-optimistic\", got \"%s\""):format(who, tostring(opt.accountant)), 3) end
    if opt.kind ~= "poisson" then
      opt.forced = ("optimistic: batches are %s, the accounting is that of Poisson sampling, which does not describe them"):format(opt.kind)
      opt.steps = opt.steps or (opt.steps_per_epoch or 1) * (opt.epochs or 1)
      opt.rate = opt.rate or 1 / (opt.steps_per_epoch or opt.steps)
      opt.kind = "poisson"
    end
  end
  if free ~= "sigma" and not (type(opt.sigma) == "number" and opt.sigma > 0 and opt.sigma < inf) then
    error(("%s: sigma, noise over clip norm, must be positive and finite, got %s"):format(who, tostring(opt.sigma)), 3)
  end
  opt.epochs = whole(who, "epochs", opt.epochs or 1)
  if opt.kind == "poisson" or opt.kind == "truncated_poisson" then
    if free ~= "rate" and not (type(opt.rate) == "number" and opt.rate >= 0 and opt.rate <= 1) then error(("%s: the rate q must lie in [0, 1], got %s"):format(who, tostring(opt.rate)), 3) end
    if free ~= "steps" then opt.steps = whole(who, "steps", opt.steps) end
  elseif opt.kind ~= "deterministic" then
    opt.steps_per_epoch = whole(who, "steps_per_epoch", opt.steps_per_epoch)
  end
  if opt.kind == "truncated_poisson" then opt.n, opt.max_batch = whole(who, "n", opt.n), whole(who, "max_batch", opt.max_batch) end
  return opt
end

local function check_eps(who, eps)
  if type(eps) ~= "number" or not (eps >= 0 and eps < inf) then error(("%s: eps must be >= 0 and finite, got %s"):format(who, tostring(eps)), 3) end
end
local function check_delta(who, delta)
  if type(delta) ~= "number" or not (delta > 0 and delta < 1) then error(("%s: delta must lie in (0, 1), got %s"):format(who, tostring(delta)), 3) end
end

-- ---- Poisson ----

-- delta is the greater of two directions. Either bounds it from below, and "remove" has been the greater one wherever both were looked at.
local function directions_of(make) return make == loss.lower and { "remove" } or { "remove", "add" } end

-- Compositions of one mechanism or of several stages on one grid, of both directions.
local function composed(stages, make, h, opt, at)
  local sums = {}
  for k, direction in ipairs(opt.directions or directions_of(make)) do
    local list = {}
    for i, m in ipairs(stages) do list[i] = { make(m.rate, m.sigma, h, direction, opt.tail or 1e-18, m), m.steps } end
    sums[k] = compose.sum(list, { at = at, memory = opt.memory })
  end
  return sums
end

-- The part of delta that truncation costs: steps (1 + e^eps) P(Bin(n, q) > B).
local function truncation(stages, eps)
  local cost = 0
  for _, m in ipairs(stages) do
    if m.kind == "truncated_poisson" and m.max_batch < m.n then
      cost = cost + m.steps * (1 + exp(eps)) * pg.numeric.law("beta", m.max_batch + 1, m.n - m.max_batch):cdf(m.rate)
    end
  end
  return cost
end

-- The width of the grid, 1e-3 unless given.
local function width(opt)
  if not opt.h then return 1e-3 end
  if not (opt.h > 0 and opt.h < 1) then error(("privacy: h must lie in (0, 1), got %s"):format(tostring(opt.h)), 0) end
  return opt.h
end

-- Richardson's extrapolation of f(h) = f(0) + c h^2 + ...: (4 f(h/2) - f(h)) / 3. Losses of rates below h are not resolved and the error is not yet of order
-- h^2 there: unless h was given, it is then halved until two extrapolations agree to 1e-5.
local function extrapolated(f, stages, opt)
  local h = width(opt)
  local coarse, fine = f(h), f(h / 2)
  local value, least = (4 * fine - coarse) / 3, 1
  for _, m in ipairs(stages) do least = math.min(least, m.rate) end
  if opt.h or h <= least / 5 then return value end
  for _ = 1, 5 do
    h, coarse = h / 2, fine
    fine = f(h / 2)
    local better = (4 * fine - coarse) / 3
    if math.abs(better - value) <= 1e-5 * math.max(1, math.abs(value)) then return better end
    value = better
  end
  return value
end

-- The step of a stage, truncated batches by their own law.
local function tight(q, s, h, direction, tail, m)
  if m.kind ~= "truncated_poisson" then return loss.upper(q, s, h, direction, tail) end
  return loss.truncated(q, s, m.n, m.max_batch, h, direction, tail)
end

local makers = { upper = loss.upper, lower = loss.lower, optimistic = loss.optimistic, centred = loss.centred }

local function quiet(stages) -- stages that do something
  local some = {}
  for _, m in ipairs(stages) do if m.rate > 0 then some[#some + 1] = m end end
  return some
end

local function all_full(stages) -- every step takes every record: Gaussian queries
  local precision = 0
  for _, m in ipairs(stages) do
    if m.rate < 1 then return nil end
    precision = precision + m.steps / m.sigma ^ 2
  end
  return 1 / math.sqrt(precision)
end

local function renyi_stages(stages)
  local list = {}
  for i, m in ipairs(stages) do list[i] = { m.rate, m.sigma, m.steps } end
  return list
end

local function poisson_delta(stages, eps, opt)
  stages = quiet(stages)
  if #stages == 0 then return 0 end
  local method = opt.method or "best"
  local full = all_full(stages)
  if full then return gaussian.delta(full, eps) end
  if method == "renyi" then return gaussian.renyi_delta(renyi_stages(stages), eps) end
  local function at(make, step)
    local worst, tail = 0, 1e-18
    for _ = 1, 3 do                                                  -- a cut tail must not drown a tiny delta
      worst = 0
      local n = 0
      for _, m in ipairs(stages) do n = n + m.steps end
      for _, c in ipairs(composed(stages, make, step, { memory = opt.memory, tail = tail, directions = opt.directions }, eps)) do worst = math.max(worst, compose.delta(c, eps)) end
      if tail * n < 1e-5 * worst or tail <= 1e-250 then break end
      tail = math.max(1e-250, math.min(tail * 1e-6, 1e-10 * math.max(worst - n * tail, 1e-240) / n))
    end
    return worst
  end
  if method ~= "best" and method ~= "tight" then
    if not makers[method] then error(("privacy: method must be best, upper, lower, optimistic, centred, renyi or tight, got '%s'"):format(tostring(method)), 0) end
    return at(makers[method], width(opt))
  end
  local make = method == "tight" and tight or loss.upper
  return exp(extrapolated(function(h) return math.max(log(math.max(at(make, h), 1e-304)), -700) end, stages, opt))
end

local function poisson_epsilon(stages, delta, opt)
  stages = quiet(stages)
  if #stages == 0 then return 0 end
  local method = opt.method or "best"
  if method == "renyi" then return (gaussian.renyi_epsilon(renyi_stages(stages), delta)) end
  local function at(make, step)
    local worst = 0
    for _, direction in ipairs(directions_of(make)) do
      local list = {}
      for i, m in ipairs(stages) do list[i] = { make(m.rate, m.sigma, step, direction, math.min(1e-18, delta * 1e-9 / m.steps)), m.steps } end
      local steps = 0
      for _, m in ipairs(stages) do steps = steps + m.steps end
      local guess = delta < 1e-10 * steps and compose.guess(list, delta) or nil       -- rounding grows with the steps
      worst = math.max(worst, compose.epsilon(compose.sum(list, { at = guess, memory = opt.memory }), delta))
    end
    return worst
  end
  if method ~= "best" then
    if not makers[method] then error(("privacy: method must be best, upper, lower, optimistic, centred or renyi, got '%s'"):format(tostring(method)), 0) end
    return at(makers[method], width(opt))
  end
  return extrapolated(function(h) return at(loss.upper, h) end, stages, opt)
end

-- ---- one mechanism ----

local says = {
  deterministic = "exact", shuffle_persistent = "lower bound, no guarantee", shuffle_dynamic = "lower bound, no guarantee", balls_and_bins = "lower bound, no guarantee",
}

local function meaning(m)
  if m.forced then return m.forced end
  if says[m.kind] then return says[m.kind] end
  local method = m.method or "best"
  return ({ best = "estimate", upper = "upper bound", lower = "lower bound", optimistic = "lower bound", centred = "estimate", renyi = "upper bound", tight = "estimate" })[method]
end

local function delta_of(m, eps)
  if m.kind == "deterministic" then return gaussian.delta(m.sigma / math.sqrt(m.epochs), eps) end
  if m.kind == "shuffle_persistent" then return (shuffle.one_epoch(m.sigma / math.sqrt(m.epochs), m.steps_per_epoch, eps)) end
  if m.kind == "shuffle_dynamic" then return shuffle.dynamic(m.sigma, m.steps_per_epoch, m.epochs, eps, m.h or 1e-3, m.method == "estimate") end
  if m.kind == "balls_and_bins" then
    if m.epochs > 1 then error("privacy: balls and bins are accounted for over one epoch", 0) end
    if m.method == "estimate" then return (shuffle.balls_and_bins(m.sigma, m.steps_per_epoch, eps, m.rng or pg.rng(1), m.trials or 100000)) end
    return (shuffle.one_epoch(m.sigma, m.steps_per_epoch, eps, { 1, 0 }))
  end
  return math.min(1, poisson_delta({ m }, eps, m) + (m.method == "tight" and 0 or truncation({ m }, eps)))
end

-- eps of a delta that falls with eps, by bisection on a function.
local function solved_epsilon(f, delta)
  if f(0) <= delta then return 0.0 end
  local high = 1
  while f(high) > delta do
    high = 2 * high
    if high > 1e6 then return inf end
  end
  return pg.numeric.root(function(eps) return math.max(log(math.max(f(eps), 1e-300)), -690) - log(delta) end, { high == 1 and 0 or high / 2, high }, { x_tol = 1e-10 })
end

local function epsilon_of(m, delta)
  if m.kind == "poisson" and not (m.rate == 1) then return poisson_epsilon({ m }, delta, m) end
  return solved_epsilon(function(eps) return delta_of(m, eps) end, delta)
end

local function raise(f, ...)                                         -- errors of the parts, at the caller's line
  local ok, value, more = pcall(f, ...)
  if ok then return value, more end
  error(type(value) == "string" and value:gsub("^[^ ]*%.lua:%d+: ", "") or value, 3)
end

--- delta at eps, and what it is: "exact", "estimate", "upper bound", "lower bound ...".
function account.delta(given)
  local m = mechanism("privacy.delta", given)
  check_eps("privacy.delta", m.eps)
  return raise(delta_of, m, m.eps), meaning(m)
end

--- eps at delta, and what it is.
function account.epsilon(given)
  local m = mechanism("privacy.epsilon", given)
  check_delta("privacy.epsilon", m.delta)
  return raise(epsilon_of, m, m.delta), meaning(m)
end

--- Certified lower and upper bounds of Poisson sampling around the best estimate: { lower, best, upper } of eps at delta, or of delta at eps.
function account.bracket(given)
  local m = mechanism("privacy.bracket", given)
  if m.kind ~= "poisson" then error(("privacy.bracket: only Poisson sampling is bounded on both sides, not %s"):format(m.kind), 2) end
  local by = m.eps and account.delta or account.epsilon
  local result = {}
  for _, method in ipairs { "lower", "best", "upper" } do
    local copy = {}
    for name, value in pairs(given) do copy[name] = value end
    copy.method = method
    result[method] = by(copy)
  end
  return result
end

--- Renyi divergence of order a of one step of Poisson sampling.
function account.renyi(rate, sigma, a)
  if not (a > 1) then error(("privacy.renyi: the order must exceed 1, got %g"):format(a), 2) end
  if not (rate >= 0 and rate <= 1) then error(("privacy.renyi: the rate q must lie in [0, 1], got %g"):format(rate), 2) end
  if not (sigma > 0) then error(("privacy.renyi: sigma must be positive, got %g"):format(sigma), 2) end
  return gaussian.renyi(rate, sigma, a)
end

--- A Gaussian mechanism: { sigma, sensitivity = 1, queries = 1 } as mu, rho, delta(eps) and epsilon(delta) exactly, and zero-concentrated epsilon.
function account.gaussian(given)
  local opt = pg.options("privacy.gaussian", given, { sigma = pg.required, sensitivity = 1.0, queries = 1 })
  if not (opt.sigma > 0) then error(("privacy.gaussian: sigma must be positive, got %g"):format(opt.sigma), 2) end
  local s = opt.sigma / (opt.sensitivity * math.sqrt(opt.queries))
  local rho = 1 / (2 * s * s)
  return { mu = 1 / s, rho = rho, delta = function(eps) return gaussian.delta(s, eps) end,
    epsilon = function(delta) return solved_epsilon(function(eps) return gaussian.delta(s, eps) end, delta) end,
    concentrated_epsilon = function(delta) return rho + 2 * math.sqrt(rho * log(1 / delta)) end }
end

-- ---- calibration ----

-- The x of [low, high] in logarithms at which ln delta crosses, from the side on which delta holds.
local function crossing(excess, low, high)
  return pg.numeric.root(excess, { low, high }, { x_tol = 1e-8 })
end

local function calibrate_sigma(m, set)
  local target = log(m.delta)
  set.directions = { "remove" }                                      -- the greater one wherever it has been looked at; the other is asked in the end
  local function excess(log_sigma)
    set.sigma = exp(log_sigma)
    local d = delta_of(set, m.eps)
    return math.max(log(math.max(d, 1e-304)), -700) - target
  end
  local high = log(0.3)
  while excess(high) > 0 do
    high = high + log(2)
    if exp(high) > (m.max_sigma or 1e5) then error(("privacy.calibrate: no sigma up to %g reaches delta = %g at eps = %g"):format(m.max_sigma or 1e5, m.delta, m.eps), 0) end
  end
  local low = high - log(2)
  while excess(low) < 0 do low, high = low - log(2), low end
  local solution = crossing(excess, low, high) + 1e-9
  if set.kind == "poisson" or set.kind == "truncated_poisson" then
    set.directions = nil
    if excess(solution) > 1e-4 then solution = crossing(excess, solution, solution + log(2)) + 1e-9 end
  end
  return exp(solution)
end

local function calibrate_steps(m, set)
  local function within(n)
    set.steps = n
    if set.kind ~= "poisson" and set.kind ~= "truncated_poisson" then set.epochs = n end
    return delta_of(set, m.eps) <= m.delta
  end
  if not within(1) then
    error(("privacy.calibrate: one step already has delta = %.3g at eps = %g, above %g"):format(delta_of(set, m.eps), m.eps, m.delta), 0)
  end
  local low, high = 1, 2
  while within(high) do
    low, high = high, 2 * high
    if high > 1 << 40 then return inf end
  end
  while high - low > 1 do
    local middle = (low + high) // 2
    if within(middle) then low = middle else high = middle end
  end
  return low
end

local function calibrate_rate(m, set)
  local target = log(m.delta)
  local function excess(log_rate)
    set.rate = exp(log_rate)
    return math.max(log(math.max(delta_of(set, m.eps), 1e-304)), -700) - target
  end
  if excess(0) <= 0 then return 1.0 end
  local low = -1
  while excess(low) > 0 do
    low = low - 2
    if low < -40 then error(("privacy.calibrate: no rate down to 1e-17 reaches delta = %g at eps = %g"):format(m.delta, m.eps), 0) end
  end
  return exp(crossing(excess, low, math.min(0, low + 2)) - 1e-8)
end

local solvers = { sigma = calibrate_sigma, steps = calibrate_steps, rate = calibrate_rate }

--- The least sigma (solve = "sigma", the default), the most steps (epochs of what is not Poisson sampling) or the largest rate with which delta(eps) <= delta; and
-- what that rests on.
function account.calibrate(given)
  local solve = given and given.solve or "sigma"
  if not solvers[solve] then error(("privacy.calibrate: solve must be 'sigma', 'steps' or 'rate', got '%s'"):format(tostring(solve)), 2) end
  local m = mechanism("privacy.calibrate", given, solve)
  check_eps("privacy.calibrate", m.eps)
  check_delta("privacy.calibrate", m.delta)
  if m.kind == "truncated_poisson" and solve == "sigma" then
    local spent = truncation({ m }, m.eps)
    if spent >= m.delta then error(("privacy.calibrate: truncation to %d alone costs %.3g of delta = %.3g; raise max_batch"):format(m.max_batch, spent, m.delta), 2) end
  end
  local set = {}
  for name, value in pairs(m) do set[name] = value end
  set.h = m.h or 1e-3                                                -- sigma within 1e-4 for rates below 1e-3 too; give a finer h for more
  return raise(solvers[solve], m, set), meaning(m)
end

--- The smallest max_batch of truncated Poisson sampling whose truncation costs at most `share` of delta, and what it costs. { n, rate, steps, eps, delta, share = 1e-5 }
function account.max_batch(given)
  local opt = pg.options("privacy.max_batch", given, { n = pg.required, rate = pg.required, steps = pg.required, eps = pg.required, delta = pg.required, share = 1e-5 })
  local function cost(B) return truncation({ { kind = "truncated_poisson", n = opt.n, rate = opt.rate, steps = opt.steps, max_batch = B } }, opt.eps) end
  local low, high = math.max(0, math.floor(opt.n * opt.rate) - 1), opt.n
  while high - low > 1 do
    local middle = (low + high) // 2
    if cost(middle) <= opt.share * opt.delta then high = middle else low = middle end
  end
  return high, cost(high)
end

-- ---- privacy loss distributions as objects ----

local Pld = { __name = "perigee.privacy.pld" }
Pld.__index = Pld

--- The privacy loss distribution of one step of Poisson sampling on a grid: { rate, sigma, h = 1e-3, method = "upper", direction = "remove" }.
function account.pld(given)
  local who = "privacy.pld"
  local opt = pg.options(who, given, { rate = pg.required, sigma = pg.required, h = 1e-3, method = "upper", direction = "remove", tail = 1e-18, memory = pg.optional })
  if not (opt.rate > 0 and opt.rate <= 1) then error(("%s: the rate q must lie in (0, 1], got %g"):format(who, opt.rate), 2) end
  if not (opt.sigma > 0 and opt.sigma < inf) then error(("%s: sigma must be positive and finite, got %g"):format(who, opt.sigma), 2) end
  if not makers[opt.method] then error(("%s: method must be upper, lower, optimistic or centred, got '%s'"):format(who, opt.method), 2) end
  if opt.direction ~= "remove" and opt.direction ~= "add" then error(("%s: direction must be remove or add, got '%s'"):format(who, opt.direction), 2) end
  local pld = raise(makers[opt.method], opt.rate, opt.sigma, opt.h, opt.direction, opt.tail)
  return setmetatable({ stages = { { pld, 1 } }, memory = opt.memory }, Pld)
end

--- All steps n times.
function Pld:self_compose(n)
  n = whole("privacy.pld:self_compose", "n", n)
  local stages = {}
  for i, stage in ipairs(self.stages) do stages[i] = { stage[1], stage[2] * n } end
  return setmetatable({ stages = stages, memory = self.memory }, Pld)
end

--- The steps of both, on one grid.
function Pld:compose(other)
  if getmetatable(other) ~= Pld then error("privacy.pld:compose: another privacy loss distribution is needed, got " .. type(other), 2) end
  local stages = table.move(self.stages, 1, #self.stages, 1, {})
  return setmetatable({ stages = table.move(other.stages, 1, #other.stages, #stages + 1, stages), memory = self.memory }, Pld)
end

function Pld:delta(eps)
  check_eps("privacy.pld:delta", eps)
  return compose.delta(raise(compose.sum, self.stages, { at = eps, memory = self.memory }), eps)
end

function Pld:epsilon(delta)
  check_delta("privacy.pld:epsilon", delta)
  return compose.epsilon(raise(compose.sum, self.stages, { at = compose.guess(self.stages, delta), memory = self.memory }), delta)
end

--- Of a single step: losses and masses, two tensors, and the mass at infinity.
function Pld:masses()
  if #self.stages > 1 or self.stages[1][2] > 1 then error("privacy.pld:masses: a composition is not on a grid of its own; ask for delta or epsilon", 2) end
  local p = self.stages[1][1]
  return pg.arange(p.first, p.first + #p.mass):cast "f64" * p.h + (p.shift or 0), p.mass, p.infinite
end

-- ---- accountants: stages that add up ----

local Accountant = { __name = "perigee.privacy.accountant" }
Accountant.__index = Accountant

--- An accountant of training in stages: acc:add{ mechanism }, then acc:delta(eps) and acc:epsilon(delta) of all together. Poisson sampling, truncated or not.
function account.accountant(opt)
  opt = pg.options("privacy.accountant", opt, { method = "best", h = pg.optional, memory = pg.optional })
  return setmetatable({ method = opt.method, h = opt.h, memory = opt.memory, stages = {} }, Accountant)
end

function Accountant:add(given)
  local m = mechanism("privacy.accountant.add", given)
  if m.kind == "deterministic" then m.kind, m.rate, m.steps = "poisson", 1, m.epochs end                  -- Gaussian queries of every record
  if m.kind ~= "poisson" and m.kind ~= "truncated_poisson" then
    error(("privacy.accountant.add: %s has no upper bound to add up; accountant = \"poisson-optimistic\" would force one, and say so"):format(m.kind), 2)
  end
  self.stages[#self.stages + 1] = { kind = m.kind, rate = m.rate, sigma = m.sigma, steps = m.steps, n = m.n, max_batch = m.max_batch, forced = m.forced }
  return self
end

function Accountant:delta(eps)
  check_eps("privacy.accountant.delta", eps)
  return math.min(1, raise(poisson_delta, self.stages, eps, self) + (self.method == "tight" and 0 or truncation(self.stages, eps)))
end

function Accountant:epsilon(delta)
  check_delta("privacy.accountant.epsilon", delta)
  local truncated = false
  for _, m in ipairs(self.stages) do truncated = truncated or m.kind == "truncated_poisson" end
  if not truncated and #quiet(self.stages) > 0 and not all_full(quiet(self.stages)) then return raise(poisson_epsilon, self.stages, delta, self) end
  return raise(solved_epsilon, function(eps) return self:delta(eps) end, delta)
end

--- Writes the stages as text, and reads them back: a damaged file is refused.
function Accountant:save(path)
  local lines = { "perigee-accountant-1", ("method %s"):format(self.method) }
  for _, m in ipairs(self.stages) do
    lines[#lines + 1] = ("%s rate=%a sigma=%a steps=%d n=%d max_batch=%d forced=%s"):format(m.kind, m.rate, m.sigma, m.steps, m.n or 0, m.max_batch or 0, m.forced and "yes" or "no")
  end
  local text = table.concat(lines, "\n") .. "\n"
  local file, reason = io.open(path, "wb")
  if not file then error(("privacy.accountant.save: cannot write '%s': %s"):format(path, reason), 2) end
  local ok = file:write(text, ("%08x\n"):format(pg.system.crc32(text)))
  if not (file:close() and ok) then error(("privacy.accountant.save: cannot write '%s'"):format(path), 2) end
end

function account.load(path)
  local who = "privacy.load"
  local file, reason = io.open(path, "rb")
  if not file then error(("%s: cannot read '%s': %s"):format(who, path, reason), 2) end
  local text, sum = (file:read "a" or ""):match "^(.*\n)(%x+)\n$"
  file:close()
  if not text or ("%08x"):format(pg.system.crc32(text)) ~= sum or not text:match "^perigee%-accountant%-1\n" then
    error(("%s: '%s' is not a saved accountant, or is damaged"):format(who, path), 2)
  end
  local acc = account.accountant { method = text:match "\nmethod (%w+)\n" }
  for kind, rate, sigma, steps, n, most, forced in text:gmatch "([%w_]+) rate=(%S+) sigma=(%S+) steps=(%d+) n=(%d+) max_batch=(%d+) forced=(%a+)" do
    local truncated = kind == "truncated_poisson"
    acc.stages[#acc.stages + 1] = { kind = kind, rate = tonumber(rate), sigma = tonumber(sigma), steps = math.tointeger(tonumber(steps)), n = truncated and math.tointeger(tonumber(n)) or nil,
      max_batch = truncated and math.tointeger(tonumber(most)) or nil, forced = forced == "yes" and "optimistic: Poisson accounting forced on other batches" or nil }
  end
  return acc
end

function Accountant:__tostring()
  local lines = { ("accountant: %s; neighbours differ in one record's being there or not (zero-out), sigma in units of the clip norm, both directions"):format(self.method) }
  for i, m in ipairs(self.stages) do
    lines[#lines + 1] = ("  %d  %s, rate %.6g, sigma %.6g, %d steps%s%s"):format(i, m.kind, m.rate, m.sigma, m.steps,
      m.max_batch and (", at most %d of %d"):format(m.max_batch, m.n) or "", m.forced and "  (" .. m.forced .. ")" or "")
  end
  return table.concat(lines, "\n")
end

return account
