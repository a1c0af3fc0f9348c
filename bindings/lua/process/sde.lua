-- process/sde.lua: dX = drift(X, t) dt + diffusion(X, t) dB in steps of dt, all paths side by side.
--
-- Euler-Maruyama: x += a dt + b dB. Milstein adds b b' (dB^2 - dt) / 2 for diagonal white noise, b' the derivative of each b_i by its own x_i.
-- drift and diffusion are called once a step with the whole batch. Strong orders 1/2 and 1; for additive noise Euler's is 1.
-- Source: Kloeden & Platen (1992), Numerical Solution of Stochastic Differential Equations, chapters 9 and 10.
local pg = require "perigee"
local check = require "perigee.process.check"
local increments = require "perigee.process.noise"

-- What a coefficient gives at (x, t): a number or a tensor that fits x.
local function coefficient(who, name, f, x, t)
  local v = f(x, t)
  if type(v) == "number" then return v end
  if not pg.is_tensor(v) then error(("%s: %s returned a %s; return a number or a tensor"):format(who, name, type(v)), 3) end
  if v:ndim() > 0 and check.shape(v) ~= check.shape(x) then
    error(("%s: %s returned shape %s for x of shape %s"):format(who, name, check.shape(v), check.shape(x)), 3)
  end
  return v
end

local methods = { euler = true, milstein = true }

--- Paths from the tensor x0 ((R, ...) for a block of R streams), recorded at step 0, every, 2 every, ...: (records, shape of x0), and the time of the
-- first record at which each element was not finite, 0 where all were: a path that diverges is kept.
-- diffusion: a function or a number; derivative: function (x, t) for Milstein's method, by default automatic; noise as in process/noise.lua.
return function(rng, x0, opt)
  local who = "process.sde"
  opt = pg.options(who, opt, { drift = pg.required, diffusion = pg.optional, dt = pg.required, steps = pg.required, method = "euler", derivative = pg.optional,
    noise = pg.optional, every = 1, start = 0.0 })
  local kind = opt.noise or "white"
  if not pg.is_tensor(x0) then error(("%s: x0 must be a tensor, got %s"):format(who, type(x0)), 2) end
  if not methods[opt.method] then error(("%s: method must be \"euler\" or \"milstein\", got \"%s\""):format(who, tostring(opt.method)), 2) end
  check.positive(who, "dt", opt.dt)
  check.steps(who, opt.steps)
  if math.type(opt.every) ~= "integer" or opt.every < 1 then error(("%s: every must be an integer >= 1, got %s"):format(who, tostring(opt.every)), 2) end
  local milstein = opt.method == "milstein"
  if milstein and type(kind) == "table" then error(who .. ": Milstein's method is for white noise", 2) end
  local noise, dt, x = increments(who, rng, x0, opt.steps, opt.dt, kind), opt.dt, x0
  local drift = type(opt.drift) == "function" and opt.drift or error(("%s: drift must be a function (x, t), got %s"):format(who, type(opt.drift)), 2)
  local diffusion = type(opt.diffusion) == "function" and opt.diffusion or function() return opt.diffusion or 1 end
  local derivative = opt.derivative or function(v, t)
    return pg.ad.grad(function(u)
      local b = diffusion(u, t)
      return pg.is_tensor(b) and b:sum() or 0 * u:sum()
    end)(v)
  end
  local records, lost = { x }, pg.zeros(x:dims())
  for k = 1, opt.steps do
    local t, dB = opt.start + (k - 1) * dt, noise[k]
    local a, b = coefficient(who, "drift", drift, x, t), coefficient(who, "diffusion", diffusion, x, t)
    local step = a * dt + b * dB
    if milstein then step = step + b * derivative(x, t) * (dB * dB - dt) / 2 end
    x = x + step
    if k % opt.every == 0 then
      records[#records + 1] = x
      lost = pg.where(pg.isfinite(x), lost, pg.where(lost:gt(0), lost, t + dt))
    end
  end
  return pg.stack(records), lost
end
