-- privacy/noise.lua: the least noise multiplier with which batches of a sampler are (eps, delta)-private, or known not to be less.
--
--   deterministic       exact: delta = Phi(1/(2s) - eps s) - e^eps Phi(-1/(2s) - eps s), s = sigma/sqrt(k) over k epochs
--   shuffle_*           a LOWER bound on delta, so on sigma: the law of the largest of T batch sums of the bad instance (scripts/dp_sgd/attack.lua);
--                       persistent: with sigma/sqrt(k); dynamic: k-fold composition of that law, losses rounded down
--   poisson             an upper bound: the privacy loss distribution on a grid by connect-the-dots, composed by one FFT
--   truncated_poisson   the same, with N (1 + e^eps) P(Bin(n, q) > B) of delta set aside for truncation
--
-- Neighbours differ in one record's being there or not, n known. Sources: Chua et al. (ICML and NeurIPS 2024); Doroshenko et al., Connect the Dots (2022).
local pg = require "perigee"
local cdf, log_cdf = pg.normal_cdf, pg.numeric.log_normal_cdf
local exp, expm1 = math.exp, pg.expm1
local h = 1e-3                                                                                -- of the grid of losses

-- sum_{l > eps} p(l) (1 - e^(eps - l)) of a composed law on a grid starting at `from`.
local function hockey_stick(p, from, eps)
  local l = (pg.arange(0, #p):cast "f64") * h + from
  return (p * (-expm1(eps - l)):maximum(0)):sum()
end

-- N-fold convolution of p, whose first loss is i0 h, on a circle from `low` to `high`. What lies above wraps; its mass is bounded by the least
-- e^(N K(u) - u high) and returned. What lies below wraps to the top, which can only raise delta.
local function compose(p, i0, N, low, high)
  local n = 1
  while n * h < high - low do n = 2 * n end
  local l = (pg.arange(0, #p) + i0):cast "f64" * h
  local beyond = 1
  for k = -3, 5 do
    local K = pg.log((p * (2.0^k * l):exp()):sum())
    beyond = math.min(beyond, exp(N * K - 2.0^k * high))
  end
  local circle = pg.zeros { n }:scatter_add(pg.arange(0, #p) % n + 1, p)
  local z = pg.fft.rfft(circle)
  local power, base, e = nil, z, N
  while e > 0 do
    if e % 2 == 1 then power = power and power * base or base end
    base, e = base * base, e // 2
  end
  local first = math.floor(low / h)                                                           -- place j holds the loss (N i0 + j) h modulo n h
  return pg.fft.irfft(power, { n = n }):roll(N * i0 - first):maximum(0), first * h, beyond
end

-- ---- Poisson ----

local function removed(l, q, s)                                                               -- delta of one step; l: losses
  local c = expm1(l) + q
  local x = s^2 * (c:maximum(1e-300) / q):log() + 0.5
  return pg.where(c:gt(0), q * cdf((1 - x) / s) - c * cdf(-x / s), -expm1(l))
end

local function added(l, q, s)
  local c = expm1(-l) + q
  local x = s^2 * (c:maximum(1e-300) / q):log() + 0.5
  return pg.where(c:gt(0), l:exp() * (c * cdf(x / s) - q * cdf((x - 1) / s)), 0)
end

-- Masses that keep the hockey stick at the points of the grid and straight in e^eps between.
local function dots(step, low, high, q, s)
  local i0, i1 = math.floor(low / h), math.ceil(high / h)
  local d = step(pg.arange(i0, i1 + 1):cast "f64" * h, q, s)
  local up = (d:narrow(1, 2, #d - 1) - d:narrow(1, 1, #d - 1))
  local zero = pg.zeros { 1 }
  local p = pg.concatenate { zero, up } / pg.expm1(-h) + pg.concatenate { up, zero } / pg.expm1(h)
  p[1] = p[1] + 1 - d[1]
  return p:maximum(0), i0, d[-1]
end

local function poisson(sigma, q, N, eps)
  local s, z = sigma, 9
  local function loss(x) return math.log(1 - q + q * exp(math.min((2 * x - 1) / (2 * s^2), 700))) end
  local low, high = loss(-z * s), math.min(loss(1 + z * s), 100)
  local worst = 0
  for _, direction in ipairs { { removed, low, high }, { added, -high, -low } } do
    local p, i0, infinite = dots(direction[1], direction[2], direction[3], q, s)
    local composed, from, beyond = compose(p, i0, N, -30, 60 + eps)
    worst = math.max(worst, hockey_stick(composed, from, eps) + beyond + 1 - (1 - infinite)^N)
  end
  return worst
end

-- ---- shuffling ----

-- ln P(the largest of T sums stays below C), one of them having mean m.
local function below(C, m, T, s) return log_cdf((C - m) / s) + (T - 1) * log_cdf(C / s) end

local function largest_sum(s, T, eps)
  local function negative(C) return exp(eps) * -expm1(below(C, 1, T, s)) + expm1(below(C, 2, T, s)) end
  local top = 2 + (12 + math.sqrt(2 * math.log(T))) * s + eps * s^2
  local C = pg.linspace(-2 * s, top, 4001)
  local at = negative(C):argmin()
  local _, best = pg.numeric.minimise(negative, { C[math.max(1, at - 1)], C[math.min(4001, at + 1)] })
  return math.max(0, -best)
end

local function slices(s, T, k, eps)
  local C = pg.arange(math.floor(-10 / s / h), math.ceil((2 / s + 10 + math.sqrt(2 * math.log(T))) / s / h)):cast "f64" * (h * s^2)
  local function masses(m)
    local l = below(C, m, T, s)
    local inner = l:exp():narrow(1, 1, #l - 1) * expm1(l:narrow(1, 2, #l - 1) - l:narrow(1, 1, #l - 1))
    return pg.concatenate { l:exp():narrow(1, 1, 1), inner, -expm1(l:narrow(1, #l, 1)) }
  end
  local P, Q = masses(2), masses(1)
  local some = P:gt(1e-30) & Q:gt(1e-300)
  P, Q = P:masked_select(some), Q:masked_select(some)
  local i = ((P / Q):log() / h):floor():cast "i64"
  local p = pg.zeros { i:max() - i:min() + 1 }:scatter_add(i - i:min() + 1, P)
  local composed, from = compose(p, i:min(), k, k * i:min() * h, k * i:max() * h + 1)
  return hockey_stick(composed, from, eps)
end

-- ---- calibration ----

local function deterministic(sigma, k, eps)
  local s = sigma / math.sqrt(k)
  local a, b = log_cdf(1 / (2 * s) - eps * s), eps + log_cdf(-1 / (2 * s) - eps * s)
  return exp(a) * -pg.expm1(b - a)
end

local kinds = {
  deterministic = { "exact", function(d, sigma, eps) return deterministic(sigma, d.epochs, eps) end },
  shuffle_persistent = { "lower bound", function(d, sigma, eps) return largest_sum(sigma / math.sqrt(d.epochs), d.steps_per_epoch, eps) end },
  shuffle_dynamic = { "lower bound", function(d, sigma, eps)
    if d.epochs == 1 then return largest_sum(sigma, d.steps_per_epoch, eps) end
    return slices(sigma, d.steps_per_epoch, d.epochs, eps)
  end },
  poisson = { "upper bound", function(d, sigma, eps) return poisson(sigma, d.rate, d.steps_per_epoch * d.epochs, eps) end },
}
kinds.truncated_poisson = kinds.poisson

local function truncated(d, eps)                                                              -- delta that truncation costs
  if d.kind ~= "truncated_poisson" or d.max_batch >= d.n then return 0 end
  return d.steps_per_epoch * d.epochs * (1 + exp(eps)) * pg.numeric.law("beta", d.max_batch + 1, d.n - d.max_batch):cdf(d.rate)
end

local noise = {}

--- delta of a sampler's description at noise multiplier sigma and eps, and what it is: "exact", "lower bound", "upper bound".
function noise.delta(d, sigma, eps)
  local kind = kinds[d.kind] or error(("privacy.noise: no bound is known here for '%s'"):format(tostring(d.kind)), 2)
  return math.min(1, kind[2](d, sigma, eps) + truncated(d, eps)), kind[1]
end

--- The least sigma, to 1e-6 relative, with delta(eps) <= delta by that bound, and what it is. By shuffling's it is optimistic: no guarantee.
function noise.multiplier(d, opt)
  opt = pg.options("privacy.noise.multiplier", opt, { eps = pg.required, delta = pg.required })
  if not (opt.delta > 0 and opt.delta < 1 and opt.eps >= 0) then
    error(("privacy.noise.multiplier: delta must lie in (0, 1) and eps be >= 0, got %s and %s"):format(opt.delta, opt.eps), 2)
  end
  local spent = truncated(d, opt.eps)
  if spent >= opt.delta then error(("privacy.noise.multiplier: truncation to %d alone costs %.3g of delta = %.3g; raise max_batch"):format(d.max_batch, spent, opt.delta), 2) end
  local function excess(log_sigma) return math.log(math.max(noise.delta(d, exp(log_sigma), opt.eps), 1e-300)) - math.log(opt.delta) end
  local high = math.log(0.3)
  while excess(high) > 0 do high = high + math.log(2) end
  local low = high - math.log(2)
  while excess(low) < 0 do low, high = low - math.log(2), low end
  local root = pg.numeric.root(excess, { low, high }, { x_tol = 1e-7 })
  return exp(root + 1e-6), kinds[d.kind][1]
end

--- The smallest max_batch of truncated Poisson sampling with which truncation costs at most `share` (1e-5) of delta.
function noise.max_batch(d, opt)
  opt = pg.options("privacy.noise.max_batch", opt, { eps = pg.required, delta = pg.required, share = 1e-5 })
  local low, high = math.floor(d.batch), d.n
  while high - low > 1 do
    local mid = (low + high) // 2
    local trial = { kind = "truncated_poisson", n = d.n, rate = d.rate, max_batch = mid, steps_per_epoch = d.steps_per_epoch, epochs = d.epochs }
    if truncated(trial, opt.eps) <= opt.share * opt.delta then high = mid else low = mid end
  end
  return high
end

return noise
