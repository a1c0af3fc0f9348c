-- privacy/loss.lua: the privacy loss of one step of Poisson sampling with Gaussian noise, on a grid of losses i h.
--
-- A record is in the batch with probability q. With it the sum is P = (1 - q) N(0, s^2) + q N(1, s^2), without Q = N(0, s^2), in units of the clip norm. The loss is
--     L(x) = ln dP/dQ = ln(1 - q + q e^((2x - 1)/(2 s^2))),   above ln(1 - q);
-- direction "remove" takes the law of L under P, "add" that of -L under Q. What the outcomes of a cell x_i < x < x_{i+1} weigh under both laws decides four grids:
--   upper       mass and mean e^-L of each cell split onto its two ends (connect the dots): delta(eps) is too large everywhere, by O(N h^2)
--   lower       each cell merged into one outcome, cells chosen so that its loss is a grid point: data processing, so delta is too small, by O(N h^2)
--   optimistic  mass at the lower end of each cell: too small, by O(N h); a check
--   centred     mass of [l - h/2, l + h/2) at l, the grid then moved so that the mean is exact: neither, an estimate
-- Sources: Doroshenko, Ghazi, Kamath, Kumar, Manurangsi (2022), Connect the Dots; Gopi, Lee, Wutschitz (2021), Numerical Composition of Differential Privacy;
-- Koskela, Jalko, Honkela (2020). The merged cells are ours: docs/privacy.md.
local pg = require "perigee"

local loss = {}
local inf = math.huge

-- x with L(x) = l; -inf where l <= ln(1 - q). A tensor.
local function outcome(l, q, s)
  local c = pg.expm1(l) + q                                        -- e^l - 1 + q
  return pg.where(c:gt(0), s * s * (c:maximum(1e-300) / q):log() + 0.5, -inf)
end

-- P(v_i < N < v_{i+1}) between neighbouring, increasing thresholds. Each is measured from the tail it lies in, so that only the width of a cell
-- costs digits: the relative error of its mass is 1e-16 over its share of that tail, 1e-12 on the finest grids.
local function between(v)
  local tail = pg.normal_cdf(-v:abs())
  local n = #v - 1
  local a, b, low, high = tail:narrow(1, 1, n), tail:narrow(1, 2, n), v:narrow(1, 1, n), v:narrow(1, 2, n)
  return pg.where(high:lt(0), b - a, pg.where(low:ge(0), a - b, 1 - a - b)):maximum(0)
end

-- Masses under N(0, s^2) and under the mixture between neighbouring thresholds.
local function masses(x, q, s)
  local without = between(x / s)
  return without, (1 - q) * without + q * between((x - 1) / s)
end

-- The grid from first to last whose losses cover the outcomes -z s .. 1 + z s, P(N > z) = tail.
local function grid(q, s, h, direction, tail)
  local z = -pg.numeric.log_normal_quantile(pg.tensor(math.log(tail))):item()
  local function L(x)
    local big = (2 * x - 1) / (2 * s * s)
    return big > 600 and math.log(q) + big or math.log(1 - q + q * math.exp(big))
  end
  local low, high = L(-z * s), L(1 + z * s)
  if q == 1 then low = (2 * -z * s - 1) / (2 * s * s) end
  if direction == "add" then low, high = -high, -low end
  return math.floor(low / h), math.ceil(high / h)
end

-- Thresholds of the outcomes at the grid's losses; masses under the numerator and the denominator of each cell between them and of what lies below and above.
local function cells(q, s, h, direction, first, last)
  local l = pg.arange(first, last + 1):cast "f64" * h
  local ends = pg.tensor { -inf }
  if direction == "remove" then
    local x = outcome(l, q, s)
    local Q, P = masses(pg.concatenate { ends, x, -ends }, q, s)
    return l, P, Q
  end
  local x = outcome(-l, q, s)                                      -- falls as l grows
  local Q, P = masses(pg.concatenate { ends, x:flip(), -ends }, q, s)
  return l, Q:flip(), P:flip()
end

-- ---- the four ----

-- Cells split onto their ends: losses l, masses of numerator and denominator between them and beyond.
local function dots(l, P, Q, h, first)
  local n = #l
  local p, r = P:narrow(1, 2, n - 1), Q:narrow(1, 2, n - 1)        -- between grid points
  local up = ((p - r * l:narrow(1, 1, n - 1):exp()) / -pg.expm1(-h)):maximum(0)
  local down = (p - up):maximum(0)
  local zero = pg.zeros { 1 }
  local mass = pg.concatenate { down, zero } + pg.concatenate { zero, up }
  mass[1] = mass[1] + P[1]                                         -- all below is raised to the first point
  local at_top = math.min(P[-1], Q[-1] * math.exp(l[-1]))
  mass[-1] = mass[-1] + at_top
  return { h = h, first = first, mass = mass, infinite = math.max(0, P[-1] - at_top) }
end

function loss.upper(q, s, h, direction, tail)
  local first, last = grid(q, s, h, direction, tail)
  local l, P, Q = cells(q, s, h, direction, first, last)
  return dots(l, P, Q, h, first)
end

function loss.optimistic(q, s, h, direction, tail)
  local first, last = grid(q, s, h, direction, tail)
  local _, P = cells(q, s, h, direction, first, last)
  return { h = h, first = first, mass = P:narrow(1, 2, #P - 1), infinite = 0 }          -- what lies below the grid is dropped to -infinity
end

function loss.centred(q, s, h, direction, tail)
  local first, last = grid(q, s, h, direction, tail)
  local l = pg.arange(first, last + 2):cast "f64" * h - h / 2
  local ends, sign = pg.tensor { -inf }, direction == "remove" and 1 or -1
  local x = outcome(sign * l, q, s)
  if sign < 0 then x = x:flip() end
  local Q, P = masses(pg.concatenate { ends, x, -ends }, q, s)
  local mass = sign > 0 and P or Q:flip()
  local n = #mass
  local p = mass:narrow(1, 2, n - 2):clone()
  p[1], p[-1] = p[1] + mass[1], p[-1] + mass[n]
  local rule = pg.linspace(-14, 14, 4001)                          -- the exact mean, by the trapezoidal rule: spectrally accurate
  local function mean(centre)
    local v = (2 * (centre + s * rule) - 1) / (2 * s * s)
    local L = pg.where(v:gt(30), v + math.log(q) + ((1 - q) / q * (-v):exp()):log1p(), (q * v:minimum(600):expm1()):log1p())
    local w = (-rule:square() / 2):exp()
    return w:dot(L) / w:sum()
  end
  local true_mean = sign > 0 and (1 - q) * mean(0) + q * mean(1) or -mean(0)
  local total = p:sum()
  local shift = true_mean - p:dot(pg.arange(first, last + 1):cast "f64" * h) / total
  return { h = h, first = first, mass = p / total, infinite = 0, shift = shift }
end

-- One threshold after another: a cell from x on ends where the loss of all of it, ln(P/Q), is the next grid point.
function loss.lower(q, s, h, direction)
  local limit = math.log(1 - q)
  if not (h < -limit) then
    error(("privacy: cells are merged on grids finer than -ln(1 - q) = %.3g, got h = %g"):format(-limit, h), 0)
  end
  local sign = direction == "remove" and 1 or -1
  local exp, log, floor, cdf = math.exp, math.log, math.floor, pg.normal_cdf
  local function L(x)
    local big = (2 * x - 1) / (2 * s * s)
    return big > 600 and log(q) + big or pg.log1p(q * pg.expm1(big))
  end
  -- of a < x < b under N(mean, s^2), each end from its tail; ta is that of a
  local function tail_of(x, mean) return cdf(-math.abs(x - mean) / s) end
  local function mass(a, ta, b, mean)
    local tb = tail_of(b, mean)
    if b < mean then return tb - ta end
    if a >= mean then return ta - tb end
    return 1 - ta - tb
  end
  local density = 1 / (s * math.sqrt(2 * math.pi))
  -- the end of the cell that starts at a (from -inf on) whose log P/Q is y
  local function cell_end(a, y)
    local t0, t1 = a == -inf and 0 or tail_of(a, 0), a == -inf and 0 or tail_of(a, 1)
    local guess = 2 * y - (a == -inf and limit or L(a))
    local c = pg.expm1(math.max(guess, y)) + q
    local b, low, high = s * s * log(math.max(c, 1e-300) / q) + 0.5, a, inf
    if a == -inf then b = s * s * log((pg.expm1(y) + q) / q) + 0.5 + s end
    for _ = 1, 60 do
      local r = mass(a, t0, b, 0)
      local p = (1 - q) * r + q * mass(a, t1, b, 1)
      local g = r > 0 and log(p / r) - y or -1
      if g < 0 then low = b else high = b end
      local z0, z1 = exp(-b * b / (2 * s * s)) * density, exp(-(b - 1) ^ 2 / (2 * s * s)) * density
      local slope = ((1 - q) * z0 + q * z1) / p - z0 / r
      local new = b - g / slope
      if not (new > low and new < high) then new = high == inf and b + s / 4 or low == -inf and b - s / 4 or (low + high) / 2 end
      if math.abs(g) < 1e-12 or math.abs(new - b) < 1e-15 * math.max(1, math.abs(b)) then return b, r, p end
      b = new
    end
    local r = mass(a, t0, b, 0)
    return b, r, (1 - q) * r + q * mass(a, t1, b, 1)
  end
  local i = floor(limit / h) + 1
  local masses_, start = {}, i
  local a = -inf
  while true do
    local b, r, p = cell_end(a, i * h)
    local tail = cdf((1 - b) / s)
    if tail < 1e-16 or i - start > 4000000 then                     -- the rest belongs to the last cell, whose loss is then a little higher
      local rest_r = mass(a, tail_of(a, 0), inf, 0)
      local rest_p = (1 - q) * rest_r + q * mass(a, tail_of(a, 1), inf, 1)
      local last = log(rest_p / rest_r) / h
      masses_[#masses_ + 1] = { i, rest_r, rest_p, sign > 0 and floor(last) or math.ceil(last) }        -- rounded to the smaller loss
      break
    end
    masses_[#masses_ + 1] = { i, r, p, i }
    a = b
    i = 1 + floor(L(a) / h + 0.3)
  end
  local low, high = inf, -inf
  for _, m in ipairs(masses_) do
    local at = sign * m[4]
    low, high = math.min(low, at), math.max(high, at)
  end
  local at, values = {}, {}
  for k, m in ipairs(masses_) do at[k], values[k] = sign * m[4] - low + 1, sign > 0 and m[3] or m[2] end
  return { h = h, first = low, mass = pg.zeros { high - low + 1 }:scatter_add(pg.tensor(at, "i64"), pg.tensor(values)), infinite = 0 }
end

-- ---- truncated batches ----

-- (1 - q) N(0, t^2) + q N(-1, t^2) against (1 - q) N(0, t^2) + q N(1, t^2), split onto the grid. With a = e^(x/t^2) and k = e^(-1/(2 t^2)) the loss is l where
-- e^l q k a^2 + (1 - q)(e^l - 1) a - q k = 0; it falls with x, and both directions have one law.
local function exchanged(q, t, h, first, last)
  local l = pg.arange(first, last + 1):cast "f64" * h
  local k = math.exp(-1 / (2 * t * t))
  local e = l:exp()
  local b = (1 - q) * pg.expm1(l)
  local root = (b * b + 4 * e * (q * k) ^ 2):sqrt()
  local a = pg.where(b:ge(0), 2 * q * k / (b + root), (root - b) / (2 * e * q * k))
  local x = (t * t * a:log()):flip()
  local ends = pg.tensor { -inf }
  x = pg.concatenate { ends, x, -ends }
  local middle = (1 - q) * between(x / t)
  local P, Q = middle + q * between((x + 1) / t), middle + q * between((x - 1) / t)
  return dots(l, P:flip(), Q:flip(), h, first)
end

--- One step of Poisson sampling at rate q of n records, batches cut to a uniformly random B of them: with probability 1 - tau the step of `upper`, with tau = P(Bin(n - 1, q)
-- >= B) a record may take another's place, which moves the sum by up to 2: a mixture at rate q' = B P(Bin(n, q) > B) / (n tau), noise s/2. arXiv 2508.15089.
function loss.truncated(q, s, n, B, h, direction, tail)
  local function above(records, k) return k >= records and 0 or pg.numeric.law("beta", k + 1, records - k):cdf(q) end          -- P(Bin(records, q) > k)
  local tau = above(n - 1, B - 1)
  local plain = loss.upper(q, s, h, direction, tail)
  if tau <= 0 then return plain end
  local rate, t = math.min(1, B * above(n, B) / (n * tau)), s / 2
  if rate <= 0 then return plain end
  local z = -pg.numeric.log_normal_quantile(pg.tensor(math.log(tail))):item()
  local function L(x)
    local function both(v) return pg.numeric.log_add_exp(pg.tensor(pg.log1p(-math.min(rate, 1 - 1e-300))), pg.tensor(math.log(rate) + v)):item() end
    return both(-(2 * x + 1) / (2 * t * t)) - both((2 * x - 1) / (2 * t * t))
  end
  local last = math.ceil(L(-1 - z * t) / h)
  local other = exchanged(rate, t, h, -last, last)
  local first = math.min(plain.first, other.first)
  local size = math.max(plain.first + #plain.mass, other.first + #other.mass) - first
  local mass = pg.zeros { size }
  local function add(pld, weight)
    local part = mass:narrow(1, pld.first - first + 1, #pld.mass)
    part:add_(weight * pld.mass)
  end
  add(plain, 1 - tau)
  add(other, tau)
  return { h = h, first = first, mass = mass, infinite = (1 - tau) * plain.infinite + tau * other.infinite }
end

return loss
