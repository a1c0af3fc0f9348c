-- process/langevin.lua: Langevin dynamics in a potential, whose gradient is given.
--
-- Overdamped: dX = -grad f dt + sqrt(2 T) dB in steps x -= dt grad f(x) - sqrt(2 T) dB; with white noise the unadjusted Langevin algorithm, whose law
-- is off by O(dt): along curvature lambda the variance is T / (lambda (1 - dt lambda / 2)).
-- Underdamped: dX = V dt, m dV = -grad f dt - m friction V dt + sqrt(2 m friction T) dW by the splitting BAOAB, half kick, half drift, the exact
-- Ornstein-Uhlenbeck step v <- e^(-friction dt) v + sqrt((1 - e^(-2 friction dt)) T / m) z, half drift, half kick. In a harmonic well
-- positions have variance T / lambda exactly, for every stable dt.
-- Source: Leimkuhler & Matthews (2013), Appl. Math. Res. Express; Roberts & Tweedie (1996), Bernoulli 2.
local pg = require "perigee"
local check = require "perigee.process.check"
local increments = require "perigee.process.noise"

local function overdamped(gradient, x, noise, opt, record)
  local scale = math.sqrt(2 * opt.temperature)
  for k = 1, opt.steps do
    x = x - opt.dt * gradient(x) + scale * noise[k]
    record(k, x)
  end
end

local function underdamped(gradient, x, noise, opt, record)
  local h, m = opt.dt / 2, opt.mass
  local keep = math.exp(-opt.friction * opt.dt)
  local kick = math.sqrt(-pg.expm1(-2 * opt.friction * opt.dt) * opt.temperature / m / opt.dt)       -- noise has deviation dt^(1/2)
  local v, g = opt.velocity or 0 * x, gradient(x)
  for k = 1, opt.steps do
    v = v - h / m * g
    x = x + h * v
    v = keep * v + kick * noise[k]
    x = x + h * v
    g = gradient(x)
    v = v - h / m * g
    record(k, x, v)
  end
end

--- Positions (records, shape of x0) at step 0, every, 2 every, ..., and of underdamped dynamics (friction given) the velocities. x0 is (R, ...) for a
-- block of R streams; gradient(x) is called once a step with the whole batch. noise, of overdamped dynamics, as in process.sde.
return function(rng, x0, opt)
  local who = "process.langevin"
  opt = pg.options(who, opt, { gradient = pg.required, dt = pg.required, steps = pg.required, temperature = 1.0, friction = pg.optional, mass = 1.0,
    velocity = pg.optional, noise = pg.optional, every = 1 })
  if not pg.is_tensor(x0) then error(("%s: x0 must be a tensor, got %s"):format(who, type(x0)), 2) end
  if type(opt.gradient) ~= "function" then error(("%s: gradient must be a function, got %s"):format(who, type(opt.gradient)), 2) end
  check.positive(who, "dt", opt.dt)
  check.positive(who, "mass", opt.mass)
  check.steps(who, opt.steps)
  if not (opt.temperature >= 0 and opt.temperature < math.huge) then error(("%s: temperature must be >= 0 and finite, got %g"):format(who, opt.temperature), 2) end
  if opt.friction then check.positive(who, "friction", opt.friction) end
  if opt.friction and opt.noise and opt.noise ~= "white" then error(who .. ": underdamped dynamics have white noise; leave out friction for another", 2) end
  if math.type(opt.every) ~= "integer" or opt.every < 1 then error(("%s: every must be an integer >= 1, got %s"):format(who, tostring(opt.every)), 2) end
  local function gradient(x)
    local g = opt.gradient(x)
    if not pg.is_tensor(g) or check.shape(g) ~= check.shape(x) then
      error(("%s: the gradient is %s for x of shape %s"):format(who, pg.is_tensor(g) and "of shape " .. check.shape(g) or "a " .. type(g), check.shape(x)), 3)
    end
    return g
  end
  local noise = increments(who, rng, x0, opt.steps, opt.dt, opt.noise or "white")
  local xs, vs = { x0 }, { opt.friction and (opt.velocity or 0 * x0) or nil }
  local run = opt.friction and underdamped or overdamped
  run(gradient, x0, noise, opt, function(k, x, v)
    if k % opt.every == 0 then xs[#xs + 1], vs[#vs + 1] = x, v end
  end)
  return pg.stack(xs), opt.friction and pg.stack(vs) or nil
end
