-- diag/stable_fit.lua: parameters of a stable law from a sample.
--
-- quantiles (McCulloch 1986): alpha and beta are those of the law for which
--     (q95 - q05) / (q75 - q25)   and   (q95 + q05 - 2 q50) / (q95 - q05)
-- are the sample's, found from the law's quantiles themselves instead of from tables; then scale and location follow from quartiles and median.
-- characteristic (Koutrouvelis 1980): of the standardised sample, log(-log |phi(t)|^2) = log 2 + alpha log(scale t), and the phase of phi is
-- mu0 t + beta tan(pi alpha/2) ((scale t)^alpha - scale t) in the form S0; both by least squares over t = 0.1 .. 1, restandardised until it settles.
-- Source: McCulloch, Comm. Statist. Simul. 15; Koutrouvelis, J. Amer. Statist. Assoc. 75.
local pg = require "perigee"

local levels = { 0.05, 0.25, 0.5, 0.75, 0.95 }

local function ratios(q) return (q[5] - q[1]) / (q[4] - q[2]), (q[5] + q[1] - 2 * q[3]) / (q[5] - q[1]) end

local function quantiles_of(alpha, beta) return pg.numeric.law("stable", alpha, beta, 1, 0, "s0"):quantile(pg.tensor(levels)) end

-- The beta of [-1, 1] whose asymmetry at this alpha is nearest to the wanted one: it grows with beta.
local function beta_of(alpha, wanted)
  local function off(beta) return select(2, ratios(quantiles_of(alpha, beta))) - wanted end
  if off(1) <= 0 then return 1 end
  if off(-1) >= 0 then return -1 end
  return pg.numeric.root(off, { -1, 1 }, { x_tol = 1e-6 })
end

local least, most = 0.3, 2                                 -- below, quantiles lie too far apart to be told from a sample

local function by_quantiles(x)
  local q = x:quantile(levels)
  local spread, skew = ratios(q)
  local function off(alpha) return math.log((ratios(quantiles_of(alpha, beta_of(alpha, skew)))) / spread) end
  local alpha = off(most) >= 0 and most or off(least) <= 0 and least or pg.numeric.root(off, { least, most }, { x_tol = 1e-6 })
  local beta = alpha == 2 and 0 or beta_of(alpha, skew)
  local unit = quantiles_of(alpha, beta)
  local scale = (q[4] - q[2]) / (unit[4] - unit[2])
  return alpha, beta, scale, q[3] - scale * unit[3]
end

-- Slope and intercept of y on x.
local function line(x, y)
  local mx, my = x:mean(), y:mean()
  local slope = (x - mx):dot(y - my) / (x - mx):square():sum()
  return slope, my - slope * mx
end

-- alpha, beta, scale and location in S0 of a sample that is nearly standard.
local function once(z)
  local grid = pg.arange(1, 11):cast "f64" / 10
  local waves = grid:unsqueeze(2) * z:unsqueeze(1)         -- (10, n)
  local re, im = waves:cos():mean(2), waves:sin():mean(2)
  local alpha, at = line(grid:log(), (-(re:square() + im:square()):log()):log())
  alpha = math.max(0.05, math.min(2, alpha))
  local scale = math.exp((at - math.log(2)) / alpha)
  local phase = im:atan2(re)
  local bend = (scale * grid) ^ alpha - scale * grid
  local tangent = math.tan(math.pi * alpha / 2)
  if math.abs(alpha - 1) < 1e-4 then bend, tangent = -2 / math.pi * scale * grid * (scale * grid):log(), 1 end
  local a11, a12, a22 = grid:dot(grid), grid:dot(bend), bend:dot(bend)          -- phase = mu0 t + (beta tangent) bend
  local b1, b2 = grid:dot(phase), bend:dot(phase)
  local det = a11 * a22 - a12 * a12
  if alpha > 1.999 or det <= 1e-12 * a11 * a22 then return alpha, 0, scale, b1 / a11 end
  return alpha, math.max(-1, math.min(1, (a11 * b2 - a12 * b1) / det / tangent)), scale, (a22 * b1 - a12 * b2) / det
end

local function by_characteristic(x)
  local q = x:quantile { 0.25, 0.5, 0.75 }
  local location, scale, alpha, beta = q[2], (q[3] - q[1]) / 2, nil, nil
  for _ = 1, 8 do
    local a, b, s, m = once((x - location) / scale)
    alpha, beta, location, scale = a, b, location + scale * m, scale * s
    if math.abs(m) < 1e-8 and math.abs(s - 1) < 1e-8 then break end
  end
  return alpha, beta, scale, location
end

local methods = { quantiles = by_quantiles, characteristic = by_characteristic }

--- { alpha, beta, scale, location, form } of the stable law nearest to a sample, in the form asked for.
return function(x, opt)
  local who = "diag.stable_fit"
  opt = pg.options(who, opt, { method = "quantiles", form = "s1" })
  if not pg.is_tensor(x) or x:ndim() ~= 1 or x:size() < 20 then error(who .. ": a vector of 20 values or more is needed", 2) end
  if not methods[opt.method] then error(("%s: method must be 'quantiles' or 'characteristic', got '%s'"):format(who, tostring(opt.method)), 2) end
  if opt.form ~= "s0" and opt.form ~= "s1" then error(("%s: form must be 's0' or 's1', got '%s'"):format(who, tostring(opt.form)), 2) end
  x = x:cast "f64"
  if not x:isfinite():all() then error(("%s: value %d is %g"):format(who, x:isfinite():lnot():argmax(), x[x:isfinite():lnot():argmax()]), 2) end
  local q = x:quantile { 0.25, 0.75 }
  if q[2] <= q[1] then error(who .. ": half of the values are equal", 2) end
  local alpha, beta, scale, location = methods[opt.method](x)
  if opt.form == "s1" and beta ~= 0 and alpha ~= 2 then
    location = location - (alpha == 1 and 2 / math.pi * beta * scale * math.log(scale) or beta * math.tan(math.pi * alpha / 2) * scale)
  end
  return { alpha = alpha, beta = beta, scale = scale, location = location, form = opt.form }
end
