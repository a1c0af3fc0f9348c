-- privacy/gaussian.lua: one Gaussian query, or k of them, exactly; and Renyi divergences of the sampled one.
--
--     delta(eps) = Phi(1/(2s) - eps s) - e^eps Phi(-1/(2s) - eps s),   s = sigma / (sensitivity sqrt(queries))
-- in logarithms, so that it does not cancel: Balle & Wang (2018). It is mu-Gaussian-private with mu = 1/s (Dong, Roth & Su 2019) and
-- rho-zero-concentrated with rho = 1/(2 s^2) (Bun & Steinke 2016), for which eps <= rho + 2 sqrt(rho ln 1/delta).
-- Renyi divergence of order a of Poisson sampling at rate q, sum over j of C(a, j) (1-q)^(a-j) q^j e^(j(j-1)/(2 s^2)) for integers (Mironov, Talwar & Zhang 2019), otherwise
-- E_Q (P/Q)^a by the trapezoidal rule, exact to rounding; conversion by Canonne, Kamath & Steinke (2020).
local pg = require "perigee"
local log_cdf = pg.numeric.log_normal_cdf

local gaussian = {}

--- ln delta(eps) for s as above.
function gaussian.log_delta(s, eps)
  local a, b = log_cdf(1 / (2 * s) - eps * s), eps + log_cdf(-1 / (2 * s) - eps * s)
  return a + math.log(-pg.expm1(math.min(b - a, -1e-300)))
end

function gaussian.delta(s, eps) return math.exp(gaussian.log_delta(s, eps)) end

--- The orders at which Renyi divergences are looked at.
function gaussian.orders()
  local list = {}
  for k = 11, 109 do list[#list + 1] = k / 10 end
  for k = 11, 63 do list[#list + 1] = k end
  for _, k in ipairs { 128, 256, 512, 1024 } do list[#list + 1] = k end
  return list
end

local function integer_order(q, s, a)
  local j = pg.arange(0, a + 1):cast "f64"
  local log_choose = pg.tensor(a + 1.0):lgamma():item() - (j + 1):lgamma() - (a - j + 1):lgamma()
  local log_q = pg.where(j:gt(0), j * math.log(q), 0)
  local log_rest = q < 1 and (a - j) * pg.log1p(-q) or pg.where(j:eq(a), 0, -math.huge)
  return (log_choose + log_q + log_rest + j * (j - 1) / (2 * s * s)):logsumexp()
end

local function fractional_order(q, s, a)
  local step = math.min(s / 4, s * s / 2)
  local x = pg.arange(0, math.ceil((a + 28 * s) / step) + 1):cast "f64" * step - 14 * s
  local v = (2 * x - 1) / (2 * s * s)
  local L = pg.where(v:gt(30), v + math.log(q) + ((1 - q) / q * (-v):exp()):log1p(), (q * v:minimum(600):expm1()):log1p())
  return (a * L - x:square() / (2 * s * s)):logsumexp() + math.log(step / (s * math.sqrt(2 * math.pi)))
end

--- Renyi divergence of order a > 1 of one step.
function gaussian.renyi(q, s, a)
  if q == 0 then return 0 end
  if q == 1 then return a / (2 * s * s) end
  return (math.tointeger(a) and integer_order(q, s, math.tointeger(a)) or fractional_order(q, s, a)) / (a - 1)
end

-- Divergences of stages { q, s, n } at every order.
local function divergences(stages, orders)
  local R = {}
  for i, a in ipairs(orders) do
    R[i] = 0
    for _, stage in ipairs(stages) do R[i] = R[i] + stage[3] * gaussian.renyi(stage[1], stage[2], a) end
  end
  return R
end

--- eps by Renyi divergences of stages { q, s, n }, and the order it comes from.
function gaussian.renyi_epsilon(stages, delta, orders)
  orders = orders or gaussian.orders()
  local best, at = math.huge, nil
  for i, R in ipairs(divergences(stages, orders)) do
    local a = orders[i]
    local eps = R + pg.log1p(-1 / a) - (math.log(delta) + math.log(a)) / (a - 1)
    if eps < best then best, at = eps, a end
  end
  return math.max(0, best), at
end

function gaussian.renyi_delta(stages, eps, orders)
  orders = orders or gaussian.orders()
  local best = 0
  for i, R in ipairs(divergences(stages, orders)) do
    local a = orders[i]
    best = math.min(best, (a - 1) * (R + pg.log1p(-1 / a) - eps) - math.log(a))
  end
  return math.exp(best)
end

return gaussian
