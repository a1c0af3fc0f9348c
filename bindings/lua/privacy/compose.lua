-- privacy/compose.lua: the law of the sum of the losses of many steps, and delta and epsilon of it.
--
-- The loss of a composition is a sum of independent ones, so its law is a convolution: one real Fourier transform of each kind of step, powers by
-- repeated squaring, one transform back, on a circle of h n around the window that Chernoff's bound leaves outside of with mass `tail`.
-- Rounding leaves 1e-17 everywhere. For smaller deltas the law is tilted first, p(l) e^(theta l - K(theta)), theta such that the mean of the sum is where
-- the question lies; tilted back in logarithms, delta = 1e-40 keeps nine digits.
-- A distribution: { h, first, mass, infinite [, shift] }, losses (first + j) h + shift; see privacy/loss.lua.
local pg = require "perigee"

local compose = {}
local exp, log, inf = math.exp, math.log, math.huge

-- ln sum_i p_i e^(u l_i), its derivative and second derivative, of one step. l: relative to nothing.
local function cumulant(step, u)
  local top = (step.logs + u * step.l):max()
  local w = (step.logs + u * step.l - top):exp()
  local sum = w:sum()
  local mean = w:dot(step.l) / sum
  return top + log(sum), mean, w:dot((step.l - mean):square()) / sum
end

-- About 1000 groups of neighbouring losses, each at its mean: where to look, not what is found there.
local function coarse(l, mass)
  local size = (#l + 999) // 1000
  local groups = (#l + size - 1) // size
  local padded = pg.zeros { groups * size }
  padded[{ { 1, #l } }] = mass
  local sums = padded:reshape({ groups, size }):sum(2)
  padded[{ { 1, #l } }] = mass * l
  local some = sums:gt(0)
  local means = padded:reshape({ groups, size }):sum(2) / pg.where(some, sums, 1)
  return { l = pg.where(some, means, l[1]), logs = pg.where(some, sums:maximum(1e-320):log(), -1e9) }
end

-- Stages { pld, n } with what is needed of each: losses and log masses where there are any.
local function prepared(stages)
  local list, h = {}, stages[1][1].h
  for k, stage in ipairs(stages) do
    local pld, n = stage[1], stage[2]
    if pld.h ~= h then error(("privacy: stages on grids of %g and %g cannot be composed; give one h"):format(h, pld.h), 0) end
    local l = pg.arange(pld.first, pld.first + #pld.mass):cast "f64" * h
    list[k] = { pld = pld, n = n, l = l, logs = pg.where(pld.mass:gt(0), pld.mass:maximum(1e-320):log(), -1e9), coarse = coarse(l, pld.mass) }
  end
  return list, h
end

-- Of all steps together, from all losses or from the groups.
local function total(list, u, grouped)
  local K, mean, variance = 0, 0, 0
  for _, step in ipairs(list) do
    local k, m, v = cumulant(grouped and step.coarse or step, u)
    K, mean, variance = K + step.n * k, mean + step.n * m, variance + step.n * v
  end
  return K, mean, variance
end

-- Where the tilted sum lies but for mass `tail` on either side: min over u of (K(theta + u) - K(theta) + ln 1/tail) / u, u growing by halves from the Gaussian's.
local function window(list, theta, tail)
  local K0, mean, variance = total(list, theta)
  local from, to = 0, 0
  for _, step in ipairs(list) do from, to = from + step.n * step.l[1], to + step.n * step.l[-1] end
  local K1 = total(list, theta, true)
  local function reach(sign)                                         -- any u gives a bound: it is looked for among the groups, and taken from all losses
    local u = math.min(1e6, math.sqrt(2 * -log(tail) / math.max(variance, 1e-300)))
    local function bound(v) return (total(list, theta + sign * v, true) - K1 - log(tail)) / v end
    local best = bound(u)
    for _, factor in ipairs { 0.7, 1.4 } do
      for _ = 1, 60 do
        local next_ = bound(u * factor)
        if not (next_ < best) then break end
        u, best = u * factor, next_
      end
    end
    return (total(list, theta + sign * u) - K0 - log(tail)) / u
  end
  local h = list[1].pld.h
  local low, high = -reach(-1), reach(1)                             -- a tilt towards the end of the range leaves hardly any room there
  low = math.max(from, math.min(low, to - h))
  return low, math.min(to, math.max(high, low + h)), K0, mean
end

-- theta with K'(theta) = target, nearly; 0 if the mean is there already.
local function tilt(list, target)
  local _, mean = total(list, 0, true)
  if target <= mean then return 0 end
  local low, high = 0, 1
  for _ = 1, 60 do
    local _, m = total(list, high, true)
    if m >= target then break end
    low, high = high, 2 * high
  end
  for _ = 1, 60 do
    local middle = (low + high) / 2
    local _, m, v = total(list, middle, true)
    if m < target then low = middle else high = middle end
    local newton = middle + (target - m) / math.max(v, 1e-300)
    if newton > low and newton < high and math.abs(newton - middle) < 1e-10 * (1 + middle) then return newton end
    if high - low < 1e-12 * high then break end
  end
  return (low + high) / 2
end

local function power(z, n)
  local result, base = nil, z
  while true do
    if n % 2 == 1 then result = result and result * base or base end
    n = n // 2
    if n == 0 then return result end
    base = base * base
  end
end

-- A length of only factors 2, 3, 5 that is not below n.
local function length_for(n)
  local best = inf
  local five = 1
  while five < 2 * n do
    local three = five
    while three < 2 * n do
      local two = three
      while two < n do two = 2 * two end
      best = math.min(best, two)
      three = 3 * three
    end
    five = 5 * five
  end
  return best
end

--- The composition of stages { { pld, n }, ... }: { h, first, w, theta, K, infinite, shift, mean }, whose masses are w_j e^(K - theta l_j). `at`: the eps that
-- will be asked for, if its delta may be tiny. `memory`: bytes that the window may take.
function compose.sum(stages, opt)
  local list, h = prepared(stages)
  local infinite, shift, greatest = 0, 0, 0
  for _, step in ipairs(list) do
    infinite = infinite - step.n * pg.log1p(-step.pld.infinite)
    shift = shift + step.n * (step.pld.shift or 0)
    greatest = greatest + step.n * step.l[-1]
  end
  infinite = -pg.expm1(-infinite)
  if opt.at and opt.at >= greatest then                              -- no finite sum reaches there
    return { h = h, first = 0, w = pg.zeros { 1 }, theta = 0, K = 0, infinite = infinite, shift = shift, mean = greatest }
  end
  local theta = opt.at and tilt(list, opt.at) or 0
  local low, high, K, mean = window(list, theta, opt.tail or 1e-15)
  local n = length_for(math.max(2, math.floor((high - low) / h) + 2))
  for _, step in ipairs(list) do n = math.max(n, length_for(#step.l)) end
  if 48 * n > (opt.memory or 1 << 30) then
    error(("privacy: a grid of h = %g takes %.0f MiB for losses from %.4g to %.4g; %.2g would do with the memory allowed"):format(h, 48 * n / 2 ^ 20, low, high,
      h * 48 * n / (opt.memory or 1 << 30)), 0)
  end
  local product, start = nil, 0
  for _, step in ipairs(list) do
    local k = cumulant(step, theta)
    local p = (step.logs + theta * step.l - k):exp()
    local padded = pg.zeros { n }
    padded[{ { 1, #p } }] = p
    local z = power(pg.fft.rfft(padded), step.n)
    product = product and product * z or z
    start = start + step.n * step.pld.first
  end
  local w = pg.fft.irfft(product, { n = n })
  local first = math.floor(low / h)                                  -- place j of w holds the loss (start + j) h modulo n h
  w = w:roll((start - first) % n)
  return { h = h, first = first, w = w, theta = theta, K = K, infinite = infinite, shift = shift, mean = mean }
end

-- Losses of the window, with the grid's shift.
local function losses(c) return pg.arange(c.first, c.first + #c.w):cast "f64" * c.h + c.shift end

--- delta(eps) of a composition: P(inf) + sum over l > eps of the mass times 1 - e^(eps - l).
function compose.delta(c, eps)
  local from = math.max(0, math.floor((eps - c.shift) / c.h) + 1 - c.first)        -- of the losses above eps, counted from 0
  local n = #c.w - from
  if n <= 0 then return c.infinite end
  local l, w = losses(c):narrow(1, from + 1, n), c.w:narrow(1, from + 1, n)
  local sum = (w * (-c.theta * (l - eps)):exp() * -pg.expm1(eps - l)):sum()
  return c.infinite + math.max(0, sum) * exp(c.K - c.theta * eps)
end

--- The least eps >= 0 with delta(eps) <= delta; infinite where the mass at infinity exceeds delta.
function compose.epsilon(c, delta)
  if c.infinite > delta then return inf end
  if compose.delta(c, 0) <= delta then return 0.0 end
  local low, high = 0, c.first * c.h + #c.w * c.h + c.shift
  local reference = c.theta > 0 and math.max(0, c.mean) or 0
  local l = losses(c)
  local mass = c.w * (-c.theta * (l - reference)):exp()               -- times e^(K - theta reference)
  local scale = exp(c.K - c.theta * reference)
  local A, B = mass:flip():cumsum():flip(), (mass * (-l):exp()):flip():cumsum():flip()
  local rest = (delta - c.infinite) / scale
  -- delta at grid point j is A_{j+1} - e^(l_j) B_{j+1}; bisection over the points
  local i, j = math.max(1, math.floor((low - c.shift) / c.h) - c.first), #c.w
  local function excess(k) return A[k + 1] - exp(l[k]) * B[k + 1] - rest end
  while j - i > 1 do
    local k = (i + j) // 2
    if k < #c.w and excess(k) > 0 then i = k else j = k end
  end
  local eps = log((A[j] - rest) / B[j])
  return math.max(low, math.min(eps, math.max(high, low)))
end

--- Roughly where delta lies, by Chernoff: the least eps for which min over u of K(u) - u eps is below ln delta.
function compose.guess(stages, delta)
  local list = prepared(stages)
  local best = inf
  for k = -8, 40 do
    local u = 2 ^ (k / 4)
    local K = total(list, u, true)
    best = math.min(best, (K - log(delta)) / u)
  end
  return best
end

return compose
