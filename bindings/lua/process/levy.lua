-- process/levy.lua: stable Levy motion: X_0 = 0, independent increments, X_t - X_s of the law of (t - s)^(1/alpha) X_1 up to a drift.
--
-- X_1 ~ S(alpha, beta, scale, 0; 1), characteristic function exp(-|scale u|^alpha (1 - i beta sgn(u) tan(pi alpha/2))), or for alpha = 1
-- exp(-scale |u| (1 + i beta (2/pi) sgn(u) log|u|)); X_t has the t-th power. alpha = 2 is Brownian motion of variance 2 scale^2 t.
-- isotropic: vectors (last axis) with E exp(i<u, X_t>) = exp(-t (scale |u|)^alpha): flights in a random direction.
local pg = require "perigee"
local check = require "perigee.process.check"

--- Paths at 0, dt, ..., (n - 1) dt, or at given increasing times, from 0: (n, ...) for dims { n, ... }, (n, R, ...) for a block of R streams.
return function(rng, dims, opt)
  local who = "process.levy"
  opt = pg.options(who, opt, { alpha = pg.required, beta = 0.0, scale = 1.0, isotropic = false, dt = 1.0, times = pg.optional })
  if type(dims) ~= "table" or math.type(dims[1]) ~= "integer" or dims[1] < 1 then error(who .. ": dims must be { n, ... } with n >= 1", 2) end
  if type(opt.alpha) ~= "number" or not (opt.alpha > 0 and opt.alpha <= 2) then error(("%s: alpha must lie in (0, 2], got %s"):format(who, tostring(opt.alpha)), 2) end
  if not (opt.beta >= -1 and opt.beta <= 1) then error(("%s: beta must lie in [-1, 1], got %g"):format(who, opt.beta), 2) end
  check.positive(who, "scale", opt.scale)
  check.positive(who, "dt", opt.dt)
  if opt.isotropic and opt.beta ~= 0 then error(("%s: isotropic motion is symmetric, so beta must be 0, got %g"):format(who, opt.beta), 2) end
  if opt.isotropic and #dims < 2 then error(who .. ": isotropic motion needs dims { n, ..., d }", 2) end
  check.rows(who, rng)
  local n, gaps = dims[1], check.gaps(who, dims[1], opt)
  local z = check.steps_first(n - 1, table.move(dims, 2, #dims, 1, {}), function(own)
    if opt.isotropic then return rng:stable_vector(own, opt.alpha) end
    return rng:stable(own, opt.alpha, opt.beta)
  end, opt.isotropic and 1 or 0)
  local shape = { n - 1 }
  for i = 2, z:ndim() do shape[i] = 1 end
  local h = pg.tensor(gaps):reshape(shape)
  local sigma = opt.scale * h ^ (1 / opt.alpha)
  local steps = sigma * z
  if opt.alpha == 1 and opt.beta ~= 0 then steps = steps + 2 / math.pi * opt.beta * sigma * sigma:log() end      -- S1 is not scaled by its scale alone
  local start = steps:dims()
  start[1] = 1
  return pg.concatenate { pg.zeros(start), steps:cumsum(1) }
end
