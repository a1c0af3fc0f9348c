-- linalg/trace.lua: traces, and traces of functions, of symmetric operators seen only through products A v.
--
-- Hutchinson: E v' A v = tr A for random v with E v v' = 1. Rademacher v have variance 2 (|A|_F^2 - sum A_ii^2), normal ones 2 |A|_F^2.
-- Hutch++: with Q an orthonormal basis of A S, S random (d, m/3), the trace on Q's range is computed and only the rest estimated:
--     tr Q'A Q + tr (1 - QQ') A (1 - QQ'),
-- error O(1 / m) instead of O(1 / sqrt m) for positive semidefinite A.
-- Stochastic Lanczos quadrature: Lanczos from a random unit vector v gives nodes theta_i and weights w_i = y_i(1)^2 with
-- v' f(A) v ~ sum w_i f(theta_i), exact for polynomials of degree 2 steps - 1; the mean over v, times d, estimates tr f(A), and the
-- weighted nodes the density of the spectrum.
-- Sources: Hutchinson (1990); Meyer, Musco, Musco & Woodruff (2021), Hutch++; Ubaru, Chen & Saad (2017), SIAM J. Matrix Anal. Appl. 38.
local pg = require "perigee"
local op = require "perigee.linalg.operator"
local krylov = require "perigee.linalg.krylov"

local trace = {}

local laws = { rademacher = true, normal = true }

local function probe(who, opt, d)
  if not laws[opt.law] then error(("%s: law must be 'rademacher' or 'normal', got '%s'"):format(who, opt.law), 0) end
  return opt.rng[opt.law](opt.rng, { d }):cast(opt.dtype)
end

-- Mean and its standard error (NaN for one sample) of a table of numbers.
local function mean_of(samples)
  local n, sum, squares = #samples, 0.0, 0.0
  for _, x in ipairs(samples) do sum = sum + x end
  local mean = sum / n
  for _, x in ipairs(samples) do squares = squares + (x - mean) ^ 2 end
  return mean, n > 1 and math.sqrt(squares / (n - 1) / n) or 0 / 0
end

--- estimate, stderr = hutchinson(A, d, { rng, probes, law, dtype }): the trace of A from `probes` products, law "rademacher" or "normal".
local function hutchinson(A, d, opt)
  local who = "linalg.hutchinson"
  local apply
  apply, d = op.make(who, A, d)
  opt = pg.options(who, opt, { rng = pg.required, probes = 100, law = "rademacher", dtype = "f64" })
  op.check_rng(who, opt.rng)
  op.check_count(who, "probes", opt.probes, 1)
  local samples = {}
  for k = 1, opt.probes do
    local v = probe(who, opt, d)
    samples[k] = op.dot(who, v, apply(v))
  end
  return mean_of(samples)
end

--- estimate, stderr = hutchpp(A, d, { rng, products, dtype }): the trace of A from at most `products` products (a multiple of 3 is used in
-- full). stderr is that of the estimated remainder; 0 if the sketch holds the whole range.
local function hutchpp(A, d, opt)
  local who = "linalg.hutchpp"
  local apply
  apply, d = op.make(who, A, d)
  opt = pg.options(who, opt, { rng = pg.required, products = 99, dtype = "f64" })
  op.check_rng(who, opt.rng)
  op.check_count(who, "products", opt.products, 3)
  opt.law = "rademacher"
  local m = opt.products // 3
  local width, sketch, sum = math.min(m, d), {}, 0.0
  for k = 1, width do sketch[k] = apply(probe(who, opt, d)) end
  local Q = (pg.linalg.qr(pg.stack(sketch):t()))
  for k = 1, width do
    local q = Q:select(2, k):clone()
    sum = sum + op.dot(who, q, apply(q))
  end
  if width == d then return sum, 0.0 end
  local samples = {}
  for k = 1, m do
    local g = probe(who, opt, d)
    g = g - Q:mv(Q:t():mv(g))
    samples[k] = op.dot(who, g, apply(g))
  end
  local rest, stderr = mean_of(samples)
  return sum + rest, stderr
end

-- Stochastic Lanczos quadrature -------------------------------------------------------------------------------------------

local Quadrature = {}
Quadrature.__index = Quadrature
Quadrature.__name = "perigee.linalg.quadrature"

function Quadrature:__tostring()
  return ("spectrum of an operator of dimension %d: %d probes, up to %d nodes each"):format(self.d, self.nodes:dim(1), self.nodes:dim(2))
end

--- estimate, stderr = s:trace(f): tr f(A). f takes a tensor of eigenvalues and returns the tensor of its values.
function Quadrature:trace(f)
  local values = f(self.nodes)
  if not pg.is_tensor(values) or table.concat(values:dims(), " ") ~= table.concat(self.nodes:dims(), " ") then
    error("linalg.slq: f must return a tensor of the shape of its argument", 2)
  end
  local samples = pg.where(self.weights:gt(0), self.weights * values, 0.0):sum(2) * self.d
  return mean_of(samples:tolist())
end

--- s:density(x[, { width }]): the density of the spectrum at the points x (n), total mass 1, every node a normal bump of that standard
-- deviation (default: a hundredth of the range of the nodes).
function Quadrature:density(x, opt)
  local range = self.nodes:max() - self.nodes:min()
  opt = pg.options("linalg.slq", opt, { width = range > 0 and range / 100 or 1.0 })
  if not (opt.width > 0) then error(("linalg.slq: width must be > 0, got %g"):format(opt.width), 2) end
  op.check_vector("linalg.slq", "x", x)
  local z = (x:unsqueeze(2) - self.nodes:reshape { -1 }) / opt.width
  local bumps = (-0.5 * z * z):exp() / (opt.width * math.sqrt(2 * math.pi))
  return bumps:mv(self.weights:reshape { -1 }) / self.nodes:dim(1)
end

-- Nodes and weights of one probe as rows of length `steps`; an invariant space needs fewer, its last node then repeats with weight 0.
local function quadrature_of(basis, steps)
  while basis.m < steps and basis:step() do end
  local nodes, Y = basis:ritz()
  local weights = Y[1]:square()
  if basis.m < steps then
    local more = { steps - basis.m }
    nodes = pg.concatenate { nodes, pg.full(more, nodes[-1]) }
    weights = pg.concatenate { weights, pg.zeros(more) }
  end
  return nodes, weights
end

--- s = slq(A, d, { rng, probes, steps, dtype }): the spectrum of a symmetric operator as nodes and weights (probes, steps), from probes * steps
-- products. s.nodes, s.weights (each row sums to 1); s:trace(f) -> estimate, stderr; s:density(x[, { width }]) -> tensor.
local function slq(A, d, opt)
  local who = "linalg.slq"
  local apply
  apply, d = op.make(who, A, d)
  opt = pg.options(who, opt, { rng = pg.required, probes = 10, steps = math.min(d, 50), dtype = "f64" })
  op.check_rng(who, opt.rng)
  op.check_count(who, "probes", opt.probes, 1)
  op.check_count(who, "steps", opt.steps, 1)
  opt.law, opt.steps = "rademacher", math.min(opt.steps, d)
  local nodes, weights = {}, {}
  for k = 1, opt.probes do
    local basis = krylov.basis(who, apply, probe(who, opt, d) / math.sqrt(d), opt.steps)
    nodes[k], weights[k] = quadrature_of(basis, opt.steps)
  end
  return setmetatable({ d = d, nodes = pg.stack(nodes), weights = pg.stack(weights) }, Quadrature)
end

trace.hutchinson, trace.hutchpp, trace.slq = op.public(hutchinson), op.public(hutchpp), op.public(slq)
return trace
