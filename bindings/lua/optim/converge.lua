-- optim/converge.lua: training until the whole training set is fitted, then on, with the average of what comes last.
--
-- The average of the last iterates, not the last one, is what tail estimates need: by the generalised central limit theorem averages are
-- nearer to stable laws. A run that ends otherwise says how; it is never dropped.
-- Source of the protocol: Barsbey et al. (2021), Heavy tails in SGD and compressibility of overparametrized neural networks.
local pg = require "perigee"
local averages = require "perigee.optim.averages"
local check = require "perigee.optim.check"

-- Why a run has to end at this look at it, or nil.
local function ended(opt, k, loss, accuracy)
  if loss ~= loss or math.abs(loss) == math.huge then return "diverged" end
  if k >= opt.hopeless and accuracy <= opt.chance then return "stuck" end
end

--- Calls step(k), k = 1, 2, ..., which moves theta in place, and every so many steps loss, accuracy = watch(theta), both of the whole training
-- set. The set is fitted when loss < opt.loss and accuracy >= opt.accuracy; `after` steps follow, the last `average` of which are averaged.
-- Returns { verdict, fitted, steps, average, curve }:
--   verdict   "converged"; "diverged" (the loss is not finite); "stuck" (accuracy <= chance at `hopeless` steps or later); "capped" at `cap` steps
--   fitted    the step at which the set was fitted, or 0
--   average   the average, or the last iterate if the run did not converge
--   curve     a series of loss and accuracy by step
-- log: the experiment's, for progress and --resume, with `keep`, a table of what else must survive (the optimiser).
local function converge(given)
  local who = "optim.converge"
  local opt = pg.options(who, given, { theta = pg.required, step = pg.required, watch = pg.required, every = 200, loss = 5e-5, accuracy = 1.0,
    after = 10000, average = 1000, cap = 1000000, hopeless = 50000, chance = 0.1, log = pg.optional, keep = pg.optional })
  if not pg.is_tensor(opt.theta) then error(("%s: theta must be a tensor, got %s"):format(who, type(opt.theta)), 2) end
  for _, name in ipairs { "step", "watch" } do
    if type(opt[name]) ~= "function" then error(("%s: %s must be a function, got %s"):format(who, name, type(opt[name])), 2) end
  end
  for _, name in ipairs { "every", "average", "cap" } do check.integer(who, name, opt[name], 1) end
  check.integer(who, "after", opt.after, 0)
  if opt.average > math.max(opt.after, 1) then
    error(("%s: the average of the last %d iterates needs after >= %d, got %d"):format(who, opt.average, opt.average, opt.after), 2)
  end
  check.number(who, "loss", opt.loss, 0, math.huge, true)
  local mean, curve, at = averages.polyak_average(), pg.series { "loss", "accuracy" }, { fitted = 0 }
  local function steps()
    if not opt.log then return pg.progress(opt.cap) end
    local kept = { theta = opt.theta, mean = mean, curve = curve, at = at }
    for name, value in pairs(opt.keep or {}) do kept[name] = value end
    return opt.log:steps(opt.cap, opt.log:state(kept))
  end
  local function result(verdict, k)
    return { verdict = verdict, fitted = at.fitted, steps = k, curve = curve, average = verdict == "converged" and mean.seen > 0 and mean:mean() or opt.theta:clone() }
  end

  for k in steps() do
    opt.step(k)
    local last = at.fitted + opt.after                               -- the step to end at, once the set is fitted
    if at.fitted > 0 and k > last - opt.average then mean:add(opt.theta) end
    if k % opt.every == 0 then
      local loss, accuracy = opt.watch(opt.theta)
      curve:add(k, loss, accuracy)
      local verdict = ended(opt, k, loss, accuracy)
      if verdict then return result(verdict, k) end
      if at.fitted == 0 and loss < opt.loss and accuracy >= opt.accuracy then at.fitted = k end
    end
    if at.fitted > 0 and k >= at.fitted + opt.after then return result("converged", k) end
  end
  return result("capped", opt.cap)
end

return converge
