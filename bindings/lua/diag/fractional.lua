-- diag/fractional.lua: exact second moments of gradient descent with fractional noise along one direction of a quadratic,
--   x_(k+1) = a x_k + s g_(k+1),  a = 1 - eta lambda,  g unit fractional Gaussian noise of exponent H (H = 1/2: white; H -> 0: Anti-PGD).
-- Source: sums over the autocovariances gamma(k) of the noise; sum_k k^2H a^k is the polylogarithm of order -2H.
local pg = require "perigee"

local fractional = {}

local function check(who, H, a)
  if not (type(H) == "number" and H > 0 and H < 1) then error(("%s: H must lie in (0, 1), got %s"):format(who, tostring(H)), 3) end
  if a and not (type(a) == "number" and a > -1 and a < 1) then error(("%s: a must lie in (-1, 1), got %s"):format(who, tostring(a)), 3) end
end

--- Variance of x in the long run: s^2 (1 - a) Li_(-2H)(a) / (a (1 + a)), |a| < 1. H = 1/2: s^2 / (1 - a^2).
function fractional.stationary(H, a, s)
  check("diag.fractional.stationary", H, a)
  s = s or 1
  if a == 0 then return s * s end
  return s * s * (1 - a) * pg.numeric.polylog(-2 * H, a) / (a * (1 + a))
end

--- Variance of x_n from x_0 = 0: s^2 (sum_(i<n) a^2i + 2 sum_(k<n) gamma(k) a^k sum_(i<n-k) a^2i), O(n).
function fractional.after(H, a, n, s)
  check("diag.fractional.after", H, a)
  if math.type(n) ~= "integer" or n < 0 then error("diag.fractional.after: n must be an integer >= 0, got " .. tostring(n), 2) end
  s = s or 1
  if n == 0 then return 0.0 end
  local k, power = pg.arange(n):cast "f64", math.log(math.abs(a))
  if a == 0 then return s * s end
  local sums = -((n - k) * (2 * power)):expm1() / (1 - a * a)            -- sum_(i < n-k) a^2i
  local terms = pg.process.fgn_covariance(H, n) * (k * power):exp() * sums
  if a < 0 then terms = terms * (1 - 2 * (k % 2)) end
  return s * s * (2 * terms:sum() - terms[1])
end

--- Variance in the limit of small steps with s = sigma eta^H, of the fractional Ornstein-Uhlenbeck process: sigma^2 Gamma(2H + 1) / (2 lambda^2H).
function fractional.limit(H, lambda, sigma)
  check("diag.fractional.limit", H)
  sigma = sigma or 1
  return sigma * sigma * math.exp(pg.lgamma(2 * H + 1)) / (2 * lambda^(2 * H))
end

--- Mean number of steps, for small noise, until |x| >= r from 0 in an unstable direction, x_(k+1) = (1 + eta lambda) x_k + s g_(k+1): with b = 1 / (1 + eta lambda)
-- and v = b^2 V_H(b), (ln r - ln(v) / 2 + (gamma_E + ln 2) / 2) / ln(1 + eta lambda); the first whole step comes 1/2 later.
function fractional.exit(H, eta, lambda, s, r)
  check("diag.fractional.exit", H)
  local b = 1 / (1 + eta * lambda)
  local v = b * b * fractional.stationary(H, b, s)
  return (math.log(r) - math.log(v) / 2 + (0.57721566490153286 + math.log(2)) / 2) / math.log(1 + eta * lambda)
end

return fractional
