-- diag/power_law.lua: p(x) proportional to x^-a for x >= xmin, by maximum likelihood.
--
--     continuous  a = 1 + n / sum log(x_i / xmin)
--     discrete    log likelihood -n log zeta(a, xmin) - a sum log x_i, Hurwitz's zeta, by a search for its maximum
-- xmin, unless given, is the value for which the distance of Kolmogorov and Smirnov between the tail and its fit is least. The p-value is the fraction of
-- samples of the fitted law (resampled below xmin, power law above, fitted anew with their own xmin) that lie farther from their fits.
-- Note that a is the exponent of the density; the tail index is a - 1.
-- Source: Clauset, Shalizi & Newman (2009), SIAM Review 51.
local pg = require "perigee"

-- ---- one tail: sorted ascending, all >= xmin ----

local continuous = {}
function continuous.exponent(tail, xmin) return 1 + #tail / (tail / xmin):log():sum() end
function continuous.error(n, a) return (a - 1) / math.sqrt(n) end
function continuous.distance(tail, xmin, a)
  local n = #tail
  local F, i = 1 - (tail / xmin) ^ (1 - a), pg.arange(1, n + 1):cast "f64"
  return pg.maximum((F - (i - 1) / n):abs(), (F - i / n):abs()):max()
end
function continuous.draw(rng, n, xmin, a) return rng:pareto({ n }, a - 1, xmin) end

local discrete = {}
local function log_zeta(a, q) return math.log(pg.numeric.hurwitz_zeta(pg.tensor(a + 0.0), pg.tensor(q + 0.0)):item()) end
function discrete.exponent(tail, xmin)
  local mean = tail:log():mean()
  if mean - math.log(xmin) < 1e-12 then return math.huge end
  return (pg.numeric.minimise(function(a) return log_zeta(a, xmin) + a * mean end, { 1 + 1e-6, 20 }, { x_tol = 1e-9 }))
end
function discrete.error(n, a, xmin)                        -- the curvature of log zeta is the variance of log x
  local h = 1e-4 * a
  return math.sqrt(h * h / (log_zeta(a + h, xmin) - 2 * log_zeta(a, xmin) + log_zeta(a - h, xmin)) / n)
end
local function upper(a, xmin, x) return pg.numeric.hurwitz_zeta(pg.full({ #x }, a), x) / pg.numeric.hurwitz_zeta(pg.tensor(a), pg.tensor(xmin + 0.0)):item() end
function discrete.distance(tail, xmin, a)
  local n = #tail
  local last = pg.concatenate { tail:narrow(1, 2, n - 1):ne(tail:narrow(1, 1, n - 1)), pg.tensor { true } }          -- the last of equal values
  local x, i = tail:masked_select(last), pg.arange(1, n + 1):masked_select(last):cast "f64"
  return (1 - upper(a, xmin, x + 1) - i / n):abs():max()
end
-- By the inverse of the survival function: the largest k with P(X >= k) >= u, from a table, and by bisection beyond.
function discrete.draw(rng, n, xmin, a)
  local size = 4096
  local table_ = upper(a, xmin, pg.arange(size):cast "f64" + xmin)              -- P(X >= xmin), P(X >= xmin + 1), ...
  local u = rng:uniform { n }
  local k = (-table_):searchsorted(-u, { right = true }) - 1
  local x = (k + (xmin - 1)):cast "f64"
  for _, i in ipairs(k:eq(size):nonzero():tolist()) do
    local low, high = xmin + size - 1, 2 * (xmin + size)
    local function exceeds(v) return upper(a, xmin, pg.tensor { v + 0.0 })[1] >= u[i] end
    while exceeds(high) and high < 2 ^ 50 do low, high = high, 2 * high end
    while high - low > 1 do
      local middle = (low + high) // 2
      if exceeds(middle) then low = middle else high = middle end
    end
    x[i] = low
  end
  return x
end

-- ---- a sample: sorted ascending ----

-- Places in the sorted sample at which a tail may begin: first of equal values, with `least` values or more from there.
local function starts(x, least, candidates)
  local n = #x
  local first = pg.concatenate { pg.tensor { true }, x:narrow(1, 2, n - 1):ne(x:narrow(1, 1, n - 1)) }
  local places = first:nonzero():flatten()
  places = places:masked_select(places:le(n - least + 1)):tolist()
  if #places <= candidates then return places end
  local some = {}
  for k = 1, candidates do some[k] = places[1 + (k - 1) * (#places - 1) // (candidates - 1)] end
  return some
end

local function fitted(kind, x, opt)
  local best
  local n = #x
  local places = opt.xmin and { x:searchsorted(pg.tensor { opt.xmin + 0.0 })[1] } or starts(x, opt.least, opt.candidates)
  for _, at in ipairs(places) do
    local tail = x:narrow(1, at, n - at + 1)
    local xmin = opt.xmin or tail[1]
    local a = kind.exponent(tail, xmin)
    if a < math.huge then
      local distance = kind.distance(tail, xmin, a)
      if not best or distance < best.distance then best = { alpha = a, xmin = xmin, distance = distance, tail = #tail, at = at } end
    end
  end
  return best
end

--- The fit of a power law to positive values (n): { alpha, xmin, tail, error, distance, p }: exponent of the density, where the tail begins, how many values
-- it has, standard error, Kolmogorov-Smirnov distance, and, with bootstrap = B > 0 and a stream rng, the p-value from B samples.
-- discrete: integers; xmin: given; least: values a tail must have; candidates: at most so many values are tried as xmin.
return function(x, opt)
  local who = "diag.power_law"
  opt = pg.options(who, opt, { discrete = false, xmin = pg.optional, bootstrap = 0, rng = pg.optional, least = 10, candidates = 400 })
  if not pg.is_tensor(x) or x:ndim() ~= 1 then error(who .. ": a vector of values is needed", 2) end
  x = x:cast "f64"
  if not x:isfinite():all() or x:size() == 0 or x:min() <= 0 then error(("%s: values must be positive and finite, the least is %g"):format(who, x:size() > 0 and x:min() or 0 / 0), 2) end
  if opt.discrete and x:ne(x:round()):any() then error(who .. ": discrete values must be integers", 2) end
  if opt.xmin and not (opt.xmin > 0) then error(("%s: xmin must be positive, got %g"):format(who, opt.xmin), 2) end
  if opt.bootstrap > 0 and not opt.rng then error(who .. ": bootstrap needs a stream, rng", 2) end
  local kind, sorted = opt.discrete and discrete or continuous, x:sort()
  local n = #sorted
  local within = opt.xmin and sorted:ge(opt.xmin):count() or n
  if within < math.max(2, opt.least) then error(("%s: the tail has %d values, at least %d are needed"):format(who, within, math.max(2, opt.least)), 2) end
  local fit = fitted(kind, sorted, opt)
  if not fit then error(who .. ": all values of every tail are equal", 2) end
  local body = fit.at > 1 and sorted:narrow(1, 1, fit.at - 1)
  local farther = 0
  for b = 1, opt.bootstrap do
    local rng = opt.rng:stream("sample", b)
    local above = rng:stream("tails"):binomial(n, fit.tail / n)
    local parts = {}
    if body and above < n then parts[1] = body[rng:stream("body"):integers({ n - above }, #body)] end
    if not body then above = n end
    if above > 0 then parts[#parts + 1] = kind.draw(rng:stream("tail"), above, fit.xmin, fit.alpha) end
    local again = fitted(kind, pg.concatenate(parts):sort(), opt)
    if again and again.distance >= fit.distance then farther = farther + 1 end
  end
  return { alpha = fit.alpha, xmin = fit.xmin, tail = fit.tail, error = kind.error(fit.tail, fit.alpha, fit.xmin), distance = fit.distance,
    p = opt.bootstrap > 0 and farther / opt.bootstrap or nil }
end
