-- linalg_iterative_test.lua: conjugate gradients, power iteration, Lanczos and stochastic traces against dense algebra, and matrix norms.
local pg = require "perigee"
local ad, linalg = pg.ad, pg.linalg

local function gaussian(n, seed) return pg.rng(seed):normal { n, n } end
local function symmetric(n, seed)
  local a = gaussian(n, seed)
  return (a + a:t()) / 2
end
local function definite(n, seed)
  local a = gaussian(n, seed)
  return a:mm(a:t()) / n + pg.eye(n)
end

-- V diag(lambda) V' with random orthonormal V.
local function with_spectrum(lambda, seed)
  local V = (linalg.qr(gaussian(lambda:dim(1), seed)))
  local a = (V * lambda):mm(V:t())
  return (a + a:t()) / 2
end

-- The operator of a matrix, and how often it was applied.
local function counted(a)
  local count = { n = 0 }
  return function(v)
    count.n = count.n + 1
    return a:mv(v)
  end, count
end

test("conjugate gradients solve, in as many steps as there are distinct eigenvalues", function(t)
  local a, b = definite(60, 1), pg.rng(2):normal { 60 }
  local x, info = linalg.cg(a, b)
  t.near(x, linalg.solve(a, b), 1e-9)
  t.ok(info.converged and info.residual <= 1e-10)
  t.near((a:mv(x) - b):norm() / b:norm(), info.residual, 1e-16)
  local f, count = counted(with_spectrum(pg.tensor { 1, 1, 1, 5, 5, 9, 9, 9, 9, 9 }, 3))
  x, info = linalg.cg(f, b[{ { 1, 10 } }])
  t.equal(info.iterations, 3)
  t.equal(count.n, 4) -- and one for the residual
  t.near(f(x), b[{ { 1, 10 } }], 1e-9)
end)

test("conjugate gradients: start, preconditioner, limit", function(t)
  local a, b = definite(30, 4), pg.rng(5):normal { 30 }
  local exact = linalg.solve(a, b)
  local x, info = linalg.cg(a, b, { x0 = exact })
  t.equal(info.iterations, 0)
  t.near(x, exact, 0)
  local inverse = linalg.inverse(a)
  x, info = linalg.cg(a, b, { precondition = function(r) return inverse:mv(r) end })
  t.equal(info.iterations, 1)
  t.near(x, exact, 1e-11)
  info = select(2, linalg.cg(a, b, { max = 2 }))
  t.ok(not info.converged and info.iterations == 2 and info.residual > 1e-10)
  t.equal(linalg.cg(a, 0 * b):abs():max(), 0.0)
end)

test("conjugate gradients do not take the residual of their recursion for the real one", function(t)
  local a = with_spectrum(pg.logspace(-6, 0, 40), 24)
  local x, info = linalg.cg(a:cast "f32", pg.rng(25):normal({ 40 }):cast "f32", { tol = 1e-6, max = 4000 })
  t.ok(not info.converged and info.residual > 1e-6, "the residual is %g", info.residual)
  t.equal(x:dtype(), "f32")
  info = select(2, linalg.cg(a, pg.rng(25):normal { 40 }, { tol = 1e-9, max = 4000 })) -- in f64 it can be had
  t.ok(info.converged and info.residual <= 1e-9)
end)

test("conjugate gradients refuse what they cannot do", function(t)
  local b = pg.ones { 3 }
  t.fails(function() linalg.cg(pg.tensor { 1.0, -1, 1 }:diag(), pg.tensor { 0, 1.0, 0 }) end,
    "linalg_iterative_test.lua:%d+: linalg.cg: the operator is not positive definite %(p' A p = %-1 at iteration 1%)")
  t.fails(function() linalg.cg(pg.eye(4), b) end, "linalg.cg: b must be a vector %(4%), got shape %(3%)")
  t.fails(function() linalg.cg(pg.ones { 3, 2 }, b) end, "linalg.cg: the operator must be a function or a square matrix, got shape %(3, 2%)")
  t.fails(function() linalg.cg(function(v) return v:sum() end, b) end, "linalg.cg: the operator returned number at call 1, not a tensor")
  t.fails(function() linalg.cg(function(v) return v / 0 end, b) end, "linalg.cg: the operator returned NaN or infinity at call 1")
  t.fails(function() linalg.cg(pg.eye(3), b, { tolerance = 1 }) end, "linalg.cg: unknown option 'tolerance'")
  t.fails(function() linalg.cg("x", b) end, "linalg.cg: the operator must be a function v %-> A v or a square matrix, got a string")
  t.fails(function() linalg.cg(function() error("mine", 0) end, b) end, "^mine$")
  t.fails(function() ad.grad(function(v) return (linalg.cg(pg.eye(3), v)):sum() end)(b) end, "linalg.cg: cannot be differentiated")
end)

test("power iteration finds the value of largest size", function(t)
  local a = with_spectrum(pg.tensor { -8, 5, 1, 0, 2, 3 }, 6)
  local value, v, info = linalg.power(a, 6, { rng = pg.rng(1) })
  t.ok(info.converged)
  t.near(value, -8, 1e-8)
  t.near(v:norm(), 1, 1e-14)
  t.near((a:mv(v) + 8 * v):norm(), info.residual, 1e-8)
  t.ok(info.residual <= 8e-8)
  info = select(3, linalg.power(pg.tensor { 2.0, -2, 1 }:diag(), 3, { start = pg.ones { 3 }, max = 50 }))
  t.equal({ info.converged, info.iterations }, { false, 50 })
  t.equal(linalg.power(pg.zeros { 2, 2 }, 2, { rng = pg.rng(1) }), 0.0)
  t.fails(function() linalg.power(a, 6) end, "linalg.power: give a start vector or a stream")
  t.fails(function() linalg.power(a, 5, { rng = pg.rng(1) }) end, "linalg.power: the dimension is 5, but the matrix is %(6, 6%)")
end)

test("lanczos finds both ends of a spectrum, with honest residuals and orthonormal vectors", function(t)
  local a = symmetric(150, 7)
  local w = linalg.eigvalsh(a)
  local by_size = w:gather(pg.argsort(-w:abs()))
  local expected = { largest = w:flip(1), smallest = w, magnitude = by_size }
  for which, values in pairs(expected) do
    local got, V, info = linalg.lanczos(counted(a), 150, { k = 5, rng = pg.rng(8), which = which })
    t.near(got, values[{ { 1, 5 } }], 1e-8)
    t.ok(info.converged, which)
    t.near(V:t():mm(V), pg.eye(5), 1e-12)
    t.near((a:mm(V) - V * got):square():sum(1):sqrt(), info.residuals, 1e-9)
    t.ok(info.residuals:max() <= 1e-8 * w:abs():max())
  end
end)

test("lanczos returns no ghosts of converged values", function(t)
  -- outliers converge at once; without re-orthogonalisation they come back as copies
  local lambda = pg.concatenate { pg.tensor { 1e4, 1e3, 1e2 }, pg.linspace(0.1, 1, 77) }
  local values, V, info = linalg.lanczos(with_spectrum(lambda, 9), 80, { k = 80, rng = pg.rng(10), steps = 80 })
  t.equal(info.steps, 80)
  t.near(values, lambda:sort():flip(1), 1e-9)
  t.near(V:t():mm(V), pg.eye(80), 1e-11)
end)

test("lanczos in an invariant space, of f32, of a Hessian", function(t)
  local values, V, info = linalg.lanczos(function(v) return 3 * v end, 7, { k = 4, rng = pg.rng(1) })
  t.near(values, { 3 }, 1e-14)
  t.equal({ info.steps, info.converged, V:dims() }, { 1, true, { 7, 1 } })
  values = linalg.lanczos(pg.tensor { 1.0, 2, 3, 4 }:diag(), 4, { k = 2, start = pg.tensor { 0, 1.0, 0, 1 } })
  t.near(values, { 4, 2 }, 1e-13)
  values, V = linalg.lanczos(symmetric(40, 2):cast "f32", 40, { k = 2, rng = pg.rng(1), dtype = "f32", tol = 1e-5 })
  t.near(values, linalg.eigvalsh(symmetric(40, 2)):flip(1)[{ { 1, 2 } }], 1e-4)
  t.equal(V:dtype(), "f32")
  local X, w = pg.rng(3):normal { 20, 10 }, pg.rng(4):normal { 10 }
  local function f(u) return X:mv(u):tanh():square():sum() end
  values = linalg.lanczos(function(v) return ad.hvp(f, w, v) end, 10, { k = 3, rng = pg.rng(5) })
  t.near(values, linalg.eigvalsh((ad.hessian(f, w) + ad.hessian(f, w):t()) / 2):flip(1)[{ { 1, 3 } }], 1e-7)
  t.fails(function() linalg.lanczos(X, 3, { rng = pg.rng(1) }) end, "linalg.lanczos: the operator must be a function or a square matrix, got shape %(20, 10%)")
  t.fails(function() linalg.lanczos(pg.eye(3), 3, { k = 4, rng = pg.rng(1) }) end, "linalg.lanczos: k must be at most the dimension 3, got 4")
  t.fails(function() linalg.lanczos(pg.eye(3), 3, { rng = 1 }) end, "linalg.lanczos: rng must be a stream, such as pg.rng%(1%), got 1")
  t.fails(function() linalg.lanczos(pg.eye(3), 3, { rng = pg.rng(1), which = "top" }) end, "which must be 'largest', 'smallest' or 'magnitude', got 'top'")
  t.fails(function() linalg.lanczos(pg.eye(3), 3, { start = pg.zeros { 3 } }) end, "linalg.lanczos: start has norm 0")
end)

test("Hutchinson: unbiased, with the standard error that the law has", function(t)
  local H, M = symmetric(50, 11), 1000
  local diagonal, square = H:diagonal():square():sum(), H:square():sum()
  local laws = { rademacher = 2 * (square - diagonal), normal = 2 * square }
  for law, variance in pairs(laws) do
    local f, count = counted(H)
    local estimate, stderr = linalg.hutchinson(f, 50, { rng = pg.rng(12), probes = M, law = law })
    local se = math.sqrt(variance / M)
    t.equal(count.n, M)
    t.near(estimate, H:diagonal():sum(), 5 * se, law)
    t.near(stderr / se, 1, 5 / math.sqrt(2 * M) * 1.5, law) -- a standard deviation from M draws of nearly normal law
  end
  local D = pg.linspace(-1, 3, 20):diag()
  local estimate, stderr = linalg.hutchinson(D, 20, { rng = pg.rng(1), probes = 5 })
  t.near(estimate, 20, 1e-12)
  t.near(stderr, 0, 1e-12)
  t.ok(select(2, linalg.hutchinson(D, 20, { rng = pg.rng(1), probes = 1 })) ~= 0) -- one probe says nothing of its error: NaN
  t.fails(function() linalg.hutchinson(D, 20, {}) end, "linalg.hutchinson: option 'rng' is required")
  t.fails(function() linalg.hutchinson(D, 20, { rng = pg.rng(1), law = "uniform" }) end, "law must be 'rademacher' or 'normal', got 'uniform'")
end)

test("Hutch++: exact for what fits the sketch, better than Hutchinson for decaying spectra", function(t)
  local thin = pg.rng(13):normal { 60, 8 }
  local low = thin:mm(thin:t())
  local f, count = counted(low)
  local estimate, stderr = linalg.hutchpp(f, 60, { rng = pg.rng(14), products = 30 })
  t.near(estimate / low:diagonal():sum(), 1, 1e-12)
  t.near(stderr, 0, 1e-9)
  t.ok(count.n <= 30, "%d products", count.n)
  local full, none = linalg.hutchpp(low, 60, { rng = pg.rng(14), products = 200 })
  t.near(full / low:diagonal():sum(), 1, 1e-12)
  t.equal(none, 0.0)
  local A = with_spectrum(pg.arange(1, 101):cast "f64" ^ -2.0, 15)
  local truth, plain, plus = A:diagonal():sum(), 0, 0
  for seed = 1, 30 do
    plain = plain + (linalg.hutchinson(A, 100, { rng = pg.rng(seed), probes = 60 }) - truth) ^ 2
    local estimated, se = linalg.hutchpp(A, 100, { rng = pg.rng(seed), products = 60 })
    t.near(estimated, truth, 6 * se)
    plus = plus + (estimated - truth) ^ 2
  end
  t.ok(plus < plain / 25, "mean squared errors %g and %g", plus / 30, plain / 30)
  t.fails(function() linalg.hutchpp(A, 100, { rng = pg.rng(1), products = 2 }) end, "linalg.hutchpp: products must be an integer >= 3, got 2")
end)

test("stochastic Lanczos quadrature is exact for polynomials, and for functions in enough steps", function(t)
  local A = definite(40, 16)
  -- degree 2 steps - 1 = 3 with the same Rademacher vectors as Hutchinson's for A^3
  local s = linalg.slq(A, 40, { rng = pg.rng(17), probes = 8, steps = 2 })
  local cube, se = s:trace(function(x) return x ^ 3 end)
  local expected, expected_se = linalg.hutchinson(A:mm(A):mm(A), 40, { rng = pg.rng(17), probes = 8 })
  t.near(cube / expected, 1, 1e-12)
  t.near(se / expected_se, 1, 1e-9)
  local logarithms = (function()
    local w, V = linalg.eigh(A)
    return (V * w:log()):mm(V:t())
  end)()
  s = linalg.slq(A, 40, { rng = pg.rng(18), probes = 30, steps = 25 })
  local l, lse = s:trace(pg.log)
  t.near(l, (linalg.hutchinson(logarithms, 40, { rng = pg.rng(18), probes = 30 })), 1e-7)
  t.near(l, linalg.logdet(A), 5 * lse)
  t.near(s.weights:sum(2), pg.ones { 30 }, 1e-13)
  t.equal(s.nodes:dims(), { 30, 25 })
end)

test("the density of a spectrum", function(t)
  -- a scalar operator: one node, the rest of the row padded with weight 0
  local s = linalg.slq(function(v) return 2 * v end, 9, { rng = pg.rng(1), probes = 3, steps = 4 })
  t.near(s.nodes, pg.full({ 3, 4 }, 2), 1e-14)
  t.near(s.weights:sum(1), { 3, 0, 0, 0 }, 1e-13)
  t.near(s:density(pg.tensor { 2.0, 2.5 }, { width = 0.5 }), { 1 / (0.5 * math.sqrt(2 * math.pi)), math.exp(-0.5) / (0.5 * math.sqrt(2 * math.pi)) }, 1e-12)
  -- in as many steps as dimensions, the same as the trace of a bump of A
  local A, width = symmetric(20, 19), 0.3
  s = linalg.slq(A, 20, { rng = pg.rng(20), probes = 6 })
  local w, V = linalg.eigh(A)
  for _, x in ipairs { -1.0, 0.2, 3.0 } do
    local bump = (-0.5 * ((x - w) / width):square()):exp() / (width * math.sqrt(2 * math.pi))
    local expected = linalg.hutchinson((V * bump):mm(V:t()), 20, { rng = pg.rng(20), probes = 6 }) / 20
    t.near(s:density(pg.tensor { x }, { width = width })[1], expected, 1e-9)
  end
  t.near(s:density(pg.linspace(-15, 15, 3001)):sum() * 0.01, 1, 1e-6)
  t.ok(tostring(s):find "dimension 20: 6 probes")
  t.fails(function() s:trace(function() return 1 end) end, "linalg.slq: f must return a tensor of the shape of its argument")
end)

test("matrix norms", function(t)
  local a = pg.tensor { { 3, 0 }, { 4, 5 } }
  t.near(linalg.norm(a), math.sqrt(50), 1e-14)
  t.near(linalg.norm(a, 2), math.sqrt(45), 1e-14)
  t.near(linalg.norm(a, "nuclear"), math.sqrt(45) + math.sqrt(5), 1e-14)
  t.near(linalg.norm(a, 1), 7, 0)
  t.near(linalg.norm(a, math.huge), 9, 0)
  local stack = pg.stack { a * 1.0, -2.0 * a:t() }
  for kind, values in pairs { frobenius = { 50 ^ 0.5, 200 ^ 0.5 }, [1] = { 7, 18 }, [2] = { 45 ^ 0.5, 180 ^ 0.5 }, [math.huge] = { 9, 14 } } do
    t.near(linalg.norm(stack, kind), values, 1e-13)
  end
  for _, kind in ipairs { "frobenius", "nuclear", 2 } do
    t.ok(ad.check(function(w) return linalg.norm(w, kind) end, pg.rng(21):normal { 4, 3 } + 2 * pg.eye(4)[{ {}, { 1, 3 } }]))
  end
  t.fails(function() linalg.norm(a, "spectral") end, "linalg.norm: the kind must be 'frobenius', 'nuclear', 1, 2 or math.huge, got spectral")
  t.fails(function() linalg.norm(pg.ones { 3 }) end, "linalg.norm: a matrix is needed, got shape %(3%)")
end)

test("iterative methods survive each failing allocation", function(t)
  local a, rng = definite(5, 22), pg.rng(23)
  local calls = {
    cg = function() return linalg.cg(a, a[1]) end,
    power = function() return linalg.power(a, 5, { rng = rng, max = 3 }) end,
    lanczos = function() return linalg.lanczos(a, 5, { k = 2, rng = rng }) end,
    hutchinson = function() return linalg.hutchinson(a, 5, { rng = rng, probes = 2 }) end,
    hutchpp = function() return linalg.hutchpp(a, 5, { rng = rng, products = 6 }) end,
    slq = function() return linalg.slq(a, 5, { rng = rng, probes = 2 }):trace(pg.log) end,
    norm = function() return linalg.norm(a, "nuclear") end,
  }
  for name, call in pairs(calls) do
    local n = 0
    repeat
      pg.testing.fail_allocation(n, false)
      local ok, err = pcall(call)
      pg.testing.fail_allocation(-1)
      local through = ok and not pg.testing.allocation_failed()
      if not ok then t.ok(type(err) == "string" and err:find "memory", "%s, allocation %d: the error is '%s'", name, n, tostring(err)) end
      n = n + 1 + n // 8
    until through
    t.ok(pcall(call), "%s works again", name)
  end
end)
