-- optim/schedules.lua: step sizes as functions of the number of the step, k = 1, 2, ...
--
--   optim.sgd{ lr = optim.cosine{ lr = 0.1, steps = 1000, warmup = 50 } };   a plain function of k will do as well
local pg = require "perigee"
local check = require "perigee.optim.check"

local Schedule = { __name = "perigee.optim.schedule", __metatable = false }
Schedule.__index = Schedule
function Schedule.__call(self, k) return self.at(k) end
function Schedule.__tostring(self) return self.text end

local function schedule(at, text, ...) return setmetatable({ at = at, text = text:format(...) }, Schedule) end

local schedules = {}

--- lr at every step.
function schedules.constant(lr)
  check.number("optim.constant", "lr", lr, 0, math.huge)
  return schedule(function() return lr end, "constant %.6g", lr)
end

local function increasing(who, list)
  for i, k in ipairs(list) do
    check.integer(who, ("at[%d]"):format(i), k, 1)
    if i > 1 and k <= list[i - 1] then error(("%s: at must increase, got %d after %d"):format(who, k, list[i - 1]), 3) end
  end
end

--- lr times factor for each `every` steps made, or for each step number of the list `at` that is behind.
function schedules.step_decay(opt)
  local who = "optim.step_decay"
  opt = pg.options(who, opt, { lr = pg.required, factor = 0.1, every = pg.optional, at = pg.optional })
  check.number(who, "lr", opt.lr, 0, math.huge)
  check.number(who, "factor", opt.factor, 0, 1, true)
  if (opt.every == nil) == (opt.at == nil) then error(who .. ": give either every or at", 2) end
  if opt.every then
    local every = check.integer(who, "every", opt.every, 1)
    return schedule(function(k) return opt.lr * opt.factor ^ ((k - 1) // every) end, "step decay from %.6g, %.6g every %d steps", opt.lr, opt.factor, every)
  end
  if type(opt.at) ~= "table" then error(who .. ": at must be a list of step numbers", 2) end
  local at = table.move(opt.at, 1, #opt.at, 1, {})
  increasing(who, at)
  local function value(k)
    local passed = 0
    while at[passed + 1] and k > at[passed + 1] do passed = passed + 1 end
    return opt.lr * opt.factor ^ passed
  end
  return schedule(value, "step decay from %.6g, %.6g after steps %s", opt.lr, opt.factor, table.concat(at, ", "))
end

--- last + (lr - last) (1 - (k - 1) / steps)^power, and last from step steps + 1 on; power 1: linear decay.
function schedules.polynomial(opt)
  local who = "optim.polynomial"
  opt = pg.options(who, opt, { lr = pg.required, steps = pg.required, power = 1, last = 0 })
  check.number(who, "lr", opt.lr, 0, math.huge)
  check.number(who, "power", opt.power, 0, math.huge, true)
  check.number(who, "last", opt.last, 0, math.huge)
  local steps = check.integer(who, "steps", opt.steps, 1)
  return schedule(function(k) return opt.last + (opt.lr - opt.last) * math.max(0, 1 - (k - 1) / steps) ^ opt.power end,
    "polynomial from %.6g to %.6g in %d steps, power %.6g", opt.lr, opt.last, steps, opt.power)
end

--- lr (1 + (k - 1) / scale)^-power: with scale 1, lr / k^power, as in Robbins & Monro (1951) and Polyak & Juditsky (1992).
function schedules.inverse_power(opt)
  local who = "optim.inverse_power"
  opt = pg.options(who, opt, { lr = pg.required, power = 0.5, scale = 1 })
  check.number(who, "lr", opt.lr, 0, math.huge)
  check.number(who, "power", opt.power, 0, math.huge)
  check.number(who, "scale", opt.scale, 0, math.huge, true)
  return schedule(function(k) return opt.lr * (1 + (k - 1) / opt.scale) ^ -opt.power end, "inverse power from %.6g, power %.6g", opt.lr, opt.power)
end

--- lr k / warmup for the first `warmup` steps, then last + (lr - last) (1 + cos(pi (k - 1 - warmup) / (steps - warmup))) / 2, and last
-- from step steps + 1 on. Loshchilov & Hutter (2017), without restarts.
function schedules.cosine(opt)
  local who = "optim.cosine"
  opt = pg.options(who, opt, { lr = pg.required, steps = pg.required, warmup = 0, last = 0 })
  check.number(who, "lr", opt.lr, 0, math.huge)
  check.number(who, "last", opt.last, 0, math.huge)
  local steps, warmup = check.integer(who, "steps", opt.steps, 1), check.integer(who, "warmup", opt.warmup, 0)
  if warmup >= steps then error(("%s: warmup must be less than steps, got %d of %d"):format(who, warmup, steps), 2) end
  local function value(k)
    if k <= warmup then return opt.lr * k / warmup end
    if k > steps then return opt.last end
    return opt.last + (opt.lr - opt.last) * (1 + math.cos(math.pi * (k - 1 - warmup) / (steps - warmup))) / 2
  end
  return schedule(value, "cosine from %.6g to %.6g in %d steps, warm-up %d", opt.lr, opt.last, steps, warmup)
end

--- Stages: lr 2^-s in stage s = 0, 1, ..., of `every` steps each; with growth, stage s is floor(every growth^s) steps long (growth 2: the
-- stages double while the step size halves). `factor` for another ratio than 1/2.
function schedules.halving(opt)
  local who = "optim.halving"
  opt = pg.options(who, opt, { lr = pg.required, every = pg.required, growth = 1, factor = 0.5 })
  check.number(who, "lr", opt.lr, 0, math.huge)
  check.number(who, "factor", opt.factor, 0, 1, true)
  check.number(who, "growth", opt.growth, 1, math.huge)
  local every = check.integer(who, "every", opt.every, 1)
  local function stage(k)
    if opt.growth == 1 then return (k - 1) // every end
    local s, left = 0, k - 1 - every
    while left >= 0 do
      s = s + 1
      left = left - math.floor(every * opt.growth ^ s)
    end
    return s
  end
  return schedule(function(k) return opt.lr * opt.factor ^ stage(k) end, "halving from %.6g, %.6g every %d steps, growth %.6g", opt.lr, opt.factor,
    every, opt.growth)
end

return schedules
