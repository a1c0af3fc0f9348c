-- numeric/laws.lua: densities, distribution functions and quantiles of the continuous laws of `random`, in its parameters.
--
-- Tails keep their digits: upper(x) is never 1 - cdf(x). Everything is put together from the special functions of numeric, so it
-- broadcasts over tensors and has their gradients.
local pg = require "perigee"
local numeric = pg.numeric
local nearest = require "perigee.nearest"

local Law = { __name = "perigee.law" }
Law.__index = Law

local inf = math.huge
local half_log_2pi = math.log(2 * math.pi) / 2
local kinds = {}

-- f where x lies in the support, a constant elsewhere; f is never evaluated outside of it.
local function inside(x, holds, safe, f, otherwise)
  local there = holds:where(x, safe)
  return holds:where(f(there), otherwise)
end

-- ---- on the whole line ----

kinds.normal = {
  names = { "mean", "sd" }, missing = { 0, 1 }, positive = { false, true },
  log_density = function(x, m, s) return -((x - m) / s) ^ 2 / 2 - half_log_2pi - pg.log(s) end,
  cdf = function(x, m, s) return pg.normal_cdf((x - m) / s) end,
  upper = function(x, m, s) return pg.normal_cdf((m - x) / s) end,
  quantile = function(p, m, s) return m + s * pg.normal_quantile(p) end,
  upper_quantile = function(q, m, s) return m - s * pg.normal_quantile(q) end,
  mean = function(m) return m end,
  variance = function(_, s) return s ^ 2 end,
}

local function laplace_tail(z) -- P(X > z), z any sign
  local far = (-z:abs()):exp() / 2
  return z:gt(0):where(far, 1 - far)
end
local function laplace_point(q) -- where that is q
  local near = pg.minimum(q, 1 - q)
  return -(2 * near):log() * (0.5 - q):sign()
end
kinds.laplace = {
  names = { "location", "scale" }, missing = { 0, 1 }, positive = { false, true },
  log_density = function(x, m, s) return -(x - m):abs() / s - pg.log(2 * s) end,
  cdf = function(x, m, s) return laplace_tail((m - x) / s) end,
  upper = function(x, m, s) return laplace_tail((x - m) / s) end,
  quantile = function(p, m, s) return m - s * laplace_point(p) end,
  upper_quantile = function(q, m, s) return m + s * laplace_point(q) end,
  mean = function(m) return m end,
  variance = function(_, s) return 2 * s ^ 2 end,
}

-- P(T > |t|) in two forms: the first has its digits far out, the second near the middle.
local function student_tail(t, nu)
  local s = t ^ 2
  return s:gt(nu):where(numeric.beta_p(nu / 2, 0.5, nu / (nu + s)), numeric.beta_q(0.5, nu / 2, s / (nu + s))) / 2
end
local function student_point(q, nu) -- where P(T > t) = q
  local near = pg.minimum(q, 1 - q)
  local x = numeric.beta_p_inverse(nu / 2, 0.5, 2 * near)
  local y = numeric.beta_p_inverse(0.5, nu / 2, 1 - 2 * near)
  local t = near:lt(0.25):where((nu * (1 - x) / x):sqrt(), (nu * y / (1 - y)):sqrt())
  return t * (0.5 - q):sign()
end
kinds.student_t = {
  names = { "nu" }, positive = { true },
  log_density = function(t, nu) return -(nu + 1) / 2 * (t ^ 2 / nu):log1p() - numeric.log_beta(nu / 2, 0.5) - pg.log(nu) / 2 end,
  cdf = function(t, nu) return t:lt(0):where(student_tail(t, nu), 1 - student_tail(t, nu)) end,
  upper = function(t, nu) return t:gt(0):where(student_tail(t, nu), 1 - student_tail(t, nu)) end,
  quantile = function(p, nu) return -student_point(p, nu) end,
  upper_quantile = student_point,
  mean = function(nu) return nu > 1 and 0 or 0 / 0 end,
  variance = function(nu) return nu > 2 and nu / (nu - 2) or nu > 1 and inf or 0 / 0 end,
}

-- Stable laws come from the core. All but the log density have a derivative in closed form; that of the log density is refused.
local function stable_part(part, slope) -- slope(x, y, density): dy/dx
  return function(x, ...)
    local parameters = table.pack(...)
    local function density(at) return kinds.stable.log_density(at, table.unpack(parameters)):exp() end
    return pg.ad.custom {
      forward = function(v) return numeric.stable(part, v, table.unpack(parameters)) end,
      backward = function(g, y, v) return g * slope(v, y, density) end,
    }(x)
  end
end
kinds.stable = {
  names = { "alpha", "beta", "scale", "location", "form" }, missing = { nil, 0, 1, 0, "s1" }, positive = { true, false, true },
  upto = { 2, 1 }, from = { nil, -1 }, choices = { [5] = { "s1", "s0" } },
  log_density = stable_part("log_density", function() error("numeric.law: the log density of a stable law has no gradient here", 0) end),
  cdf = stable_part("cdf", function(x, _, density) return density(x) end),
  upper = stable_part("upper", function(x, _, density) return -density(x) end),
  quantile = stable_part("quantile", function(_, y, density) return 1 / density(y) end),
  upper_quantile = stable_part("upper_quantile", function(_, y, density) return -1 / density(y) end),
  mean = function(a, b, s, m, form)
    if a <= 1 then return 0 / 0 end
    return form == "s0" and a < 2 and m - b * s * math.tan(math.pi * a / 2) or m
  end,
  variance = function(a, _, s) return a == 2 and 2 * s ^ 2 or a > 1 and inf or 0 / 0 end,
}

-- ---- on (0, inf) ----

kinds.gamma = {
  names = { "shape", "scale" }, missing = { nil, 1 }, positive = { true, true }, low = 0,
  log_density = function(x, a, s) return numeric.gamma_log_density(a, x / s) - pg.log(s) end,
  cdf = function(x, a, s) return numeric.gamma_p(a, x / s) end,
  upper = function(x, a, s) return numeric.gamma_q(a, x / s) end,
  quantile = function(p, a, s) return s * numeric.gamma_p_inverse(a, p) end,
  upper_quantile = function(q, a, s) return s * numeric.gamma_q_inverse(a, q) end,
  mean = function(a, s) return a * s end,
  variance = function(a, s) return a * s ^ 2 end,
}

local function of_gamma(names, missing, parameters) -- a gamma law in other parameters
  local kind = { names = names, missing = missing, positive = { true }, low = 0 }
  for _, what in ipairs { "log_density", "cdf", "upper", "quantile", "upper_quantile" } do
    kind[what] = function(x, v) return kinds.gamma[what](x, parameters(v)) end
  end
  for _, what in ipairs { "mean", "variance" } do kind[what] = function(v) return kinds.gamma[what](parameters(v)) end end
  return kind
end
kinds.chi_square = of_gamma({ "nu" }, nil, function(nu) return nu / 2, 2 end)
kinds.exponential = of_gamma({ "rate" }, { 1 }, function(rate) return 1, 1 / rate end)

kinds.f = {
  names = { "m", "n" }, positive = { true, true }, low = 0,
  log_density = function(x, m, n)
    return (m / 2 - 1) * x:log() - (m + n) / 2 * (m / n * x):log1p() + m / 2 * pg.log(m / n) - numeric.log_beta(m / 2, n / 2)
  end,
  cdf = function(x, m, n) return numeric.beta_p(m / 2, n / 2, m * x / (n + m * x)) end,
  upper = function(x, m, n) return numeric.beta_p(n / 2, m / 2, n / (n + m * x)) end,
  quantile = function(p, m, n) local y = numeric.beta_p_inverse(m / 2, n / 2, p); return n * y / (m * (1 - y)) end,
  upper_quantile = function(q, m, n) local y = numeric.beta_p_inverse(n / 2, m / 2, q); return n * (1 - y) / (m * y) end,
  mean = function(_, n) return n > 2 and n / (n - 2) or inf end,
  variance = function(m, n) return n > 4 and 2 * n ^ 2 * (m + n - 2) / (m * (n - 2) ^ 2 * (n - 4)) or inf end,
  draw = function(rng, dims, m, n) return rng:chi_square(dims, m) / m / (rng:chi_square(dims, n) / n) end,
}

-- S(a, 1, cos(pi a/2)^(1/a), 0) in S1
local function of_stable(what)
  return function(x, a, s) return kinds.stable[what](x, a, 1, s * math.sin(math.pi * (1 - a) / 2) ^ (1 / a), 0, "s1") end
end
kinds.positive_stable = {
  names = { "alpha", "scale" }, missing = { nil, 1 }, positive = { true, true }, below = { 1 }, low = 0,
  log_density = of_stable "log_density", cdf = of_stable "cdf", upper = of_stable "upper",
  quantile = of_stable "quantile", upper_quantile = of_stable "upper_quantile",
  mean = function() return inf end,
  variance = function() return inf end,
}

kinds.pareto = {
  names = { "alpha", "least" }, missing = { nil, 1 }, positive = { true, true }, low = function(_, least) return least end,
  log_density = function(x, a, c) return pg.log(a) - pg.log(c) + (a + 1) * (c / x):log() end,
  cdf = function(x, a, c) return -(a * (c / x):log()):expm1() end,
  upper = function(x, a, c) return (a * (c / x):log()):exp() end,
  quantile = function(p, a, c) return c * (-(-p):log1p() / a):exp() end,
  upper_quantile = function(q, a, c) return c * (-q:log() / a):exp() end,
  mean = function(a, c) return a > 1 and a * c / (a - 1) or inf end,
  variance = function(a, c) return a > 2 and a * c ^ 2 / ((a - 1) ^ 2 * (a - 2)) or inf end,
}

-- With r = sqrt(shape/x), a = r (x/mean - 1), b = r (x/mean + 1):  cdf = Phi(a) + e^(2 shape/mean) Phi(-b). As b^2 - a^2 = 4 shape/mean, both terms
-- have the factor e^(-a^2/2), which leaves erfcx: below the mean e^(-a^2/2)/2 (erfcx(-a/sqrt 2) + erfcx(b/sqrt 2)), above it for the upper tail
-- e^(-a^2/2)/2 (erfcx(a/sqrt 2) - erfcx(b/sqrt 2)). Source: Shuster, J. Amer. Statist. Assoc. 63 (1968).
local function inverse_gaussian_parts(x, m, k)
  local r = (k / x):sqrt() * math.sqrt(0.5)
  local a, b = r * (x / m - 1), numeric.erfcx(r * (x / m + 1))
  local low, high = pg.minimum(a, 0), pg.maximum(a, 0)
  return a:gt(0), (-low ^ 2):exp() / 2 * (numeric.erfcx(-low) + b), (-high ^ 2):exp() / 2 * (numeric.erfcx(high) - b)
end
local function inverse_gaussian_cdf(x, m, k)
  local above, lower, upper = inverse_gaussian_parts(x, m, k)
  return above:where(1 - upper, lower)
end
local function inverse_gaussian_upper(x, m, k)
  local above, lower, upper = inverse_gaussian_parts(x, m, k)
  return above:where(upper, 1 - lower)
end
-- No closed form: the root in log x of log tail = log q, element by element.
local function solved(q, tail, m, k)
  local found = {}
  for i, goal in ipairs(q:flatten():tolist()) do
    if goal <= 0 or goal >= 1 then
      local zero = (goal <= 0) == (tail == inverse_gaussian_cdf)
      found[i] = (goal < 0 or goal > 1 or goal ~= goal) and 0 / 0 or zero and 0 or inf
    else
      local function f(u) return math.max(tail(pg.tensor(math.exp(u)), m, k):log():item(), -1e300) - math.log(goal) end
      local u = math.log(m)
      found[i] = math.exp(numeric.root(f, numeric.bracket(f, { u - 0.1, u + 0.1 }, { lo = -700, hi = 700 })))
    end
  end
  return pg.tensor(found):reshape(q:dims())
end
kinds.inverse_gaussian = {
  names = { "mean", "shape" }, positive = { true, true }, low = 0,
  log_density = function(x, m, k) return (pg.log(k) - 3 * x:log()) / 2 - half_log_2pi - k * (x - m) ^ 2 / (2 * m ^ 2 * x) end,
  cdf = inverse_gaussian_cdf, upper = inverse_gaussian_upper,
  quantile = function(p, m, k) return solved(p, inverse_gaussian_cdf, m, k) end,
  upper_quantile = function(q, m, k) return solved(q, inverse_gaussian_upper, m, k) end,
  mean = function(m) return m end,
  variance = function(m, k) return m ^ 3 / k end,
}

-- ---- on an interval ----

kinds.beta = {
  names = { "a", "b" }, positive = { true, true }, low = 0, high = 1,
  log_density = function(x, a, b) return numeric.beta_log_density(a, b, x) end,
  cdf = function(x, a, b) return numeric.beta_p(a, b, x) end,
  upper = function(x, a, b) return numeric.beta_q(a, b, x) end,
  quantile = function(p, a, b) return numeric.beta_p_inverse(a, b, p) end,
  upper_quantile = function(q, a, b) return numeric.beta_q_inverse(a, b, q) end,
  mean = function(a, b) return a / (a + b) end,
  variance = function(a, b) return a * b / ((a + b) ^ 2 * (a + b + 1)) end,
}

-- ---- the object ----

local laws = {}

-- What is wrong with parameter i of a law, if anything is.
local function fault(kind, i, v)
  local choices, from, upto, below = kind.choices and kind.choices[i], kind.from and kind.from[i], kind.upto and kind.upto[i], kind.below and kind.below[i]
  if choices then
    for _, choice in ipairs(choices) do if v == choice then return end end
    return ('be "%s", got "%s"'):format(table.concat(choices, '" or "'), tostring(v))
  end
  if upto and not (v <= upto and v >= (from or 0) and (from or v > 0)) then return ("lie in %s%g, %g], got %.14g"):format(from and "[" or "(", from or 0, upto, v) end
  if below and not (v > 0 and v < below) then return ("lie in (0, %g), got %.14g"):format(below, v) end
  local positive = kind.positive[i]
  if v ~= v or math.abs(v) == inf or (positive and v <= 0) then return ("be %s, got %.14g"):format(positive and "positive" or "finite", v) end
end

local function check(name, kind, given, level)
  local values = {}
  for i, what in ipairs(kind.names) do
    local v = given[i]
    if v == nil then v = kind.missing and kind.missing[i] end
    if type(v) ~= "number" and not (kind.choices and kind.choices[i]) then
      error(("numeric.law: %s needs the number '%s', got %s"):format(name, what, type(v)), level + 1)
    end
    local wrong = fault(kind, i, v)
    if wrong then error(("numeric.law: %s of %s must %s"):format(what, name, wrong), level + 1) end
    values[i] = v
  end
  if given.n > #kind.names then error(("numeric.law: %s has %d parameters, got %d"):format(name, #kind.names, given.n), level + 1) end
  return values
end

function laws.new(name, ...)
  local kind = kinds[name]
  if not kind then
    local names = {}
    for known in pairs(kinds) do names[#names + 1] = known end
    table.sort(names)
    local guess = type(name) == "string" and nearest(name, names)
    local hint = guess and ("did you mean '%s'?"):format(guess) or "laws: " .. table.concat(names, ", ")
    error(("numeric.law: no law is called '%s' (%s)"):format(tostring(name), hint), 3)
  end
  return setmetatable({ name = name, kind = kind, values = check(name, kind, table.pack(...), 3) }, Law)
end

-- f(x, parameters) for a number or a tensor x.
local function apply(x, f)
  if pg.is_tensor(x) then return f(x) end
  return f(pg.tensor(x + 0.0)):item()
end

local function supported(what, below, above)
  return function(self, x)
    local kind, values = self.kind, self.values
    local low, high = kind.low, kind.high
    if type(low) == "function" then low = low(table.unpack(values)) end
    return apply(x, function(t)
      local function f(v) return kind[what](v, table.unpack(values)) end
      local inner = f
      if low then
        local safe = high and (low + high) / 2 or low + 1
        inner = function(v) return inside(v, v:gt(low), safe, f, below) end
      end
      if not high then return inner(t) end
      return inside(t, t:lt(high), (low + high) / 2, inner, above)
    end)
  end
end

Law.log_density = supported("log_density", -inf, -inf)
Law.cdf = supported("cdf", 0, 1)
Law.upper = supported("upper", 1, 0)
function Law:quantile(p) return apply(p, function(t) return self.kind.quantile(t, table.unpack(self.values)) end) end
function Law:upper_quantile(q) return apply(q, function(t) return self.kind.upper_quantile(t, table.unpack(self.values)) end) end
function Law:mean() return self.kind.mean(table.unpack(self.values)) end
function Law:variance() return self.kind.variance(table.unpack(self.values)) end
function Law:draw(rng, dims)
  if self.kind.draw then return self.kind.draw(rng, dims or {}, table.unpack(self.values)) end
  if not dims then return rng[self.name](rng, table.unpack(self.values)) end
  return rng[self.name](rng, dims, table.unpack(self.values))
end
-- sqrt(n) sup |F_n - F| of a sample of the law, and the limit of P(it would be larger), 2 sum (-1)^(k-1) e^(-2 k^2 d^2).
-- Source: Kolmogorov (1933).
function Law:kolmogorov(x)
  local n = x:size()
  local u = self:cdf(x:flatten()):sort(1)
  local d, p = math.sqrt(n) * math.max((u - pg.arange(n) / n):max(), (pg.arange(1, n + 1) / n - u):max()), 0
  if d < 0.2 then return d, 1.0 end                     -- 1 - p is below 1e-12, and the sum converges slowly
  for k = 1, 40 do p = p - 2 * (-1) ^ k * math.exp(-2 * (k * d) ^ 2) end
  return d, p
end
function Law:__tostring()
  local parts = {}
  for i, what in ipairs(self.kind.names) do parts[i] = (type(self.values[i]) == "number" and "%s %.14g" or "%s %s"):format(what, self.values[i]) end
  return ("law: %s, %s"):format(self.name, table.concat(parts, ", "))
end

return laws
