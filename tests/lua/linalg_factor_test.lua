-- linalg_factor_test.lua: factorisations against their identities and closed forms, and their gradients against finite differences.
local pg = require "perigee"
local ad, linalg = pg.ad, pg.linalg
local rng = pg.rng(5)

local function T(a) return a:transpose(-1, -2) end
local function symmetric(a) return (a + T(a)) / 2 end
local function definite(a) return a:bmm(T(a)) + 2 * pg.eye(a:dim(-1)) end
local function rows_of(a, b) return a:unsqueeze(a:ndim()) * b end -- a diag(b), of stacks
local stacks = { { 1, 1 }, { 5, 5 }, { 2, 3, 4, 4 } }
local shapes = { { 1, 1 }, { 5, 5 }, { 7, 3 }, { 3, 7 }, { 1, 4 }, { 4, 1 }, { 2, 5, 3 }, { 2, 1, 3, 5 } }

-- Every entry of the cotangent is different, and the second derivative is not 0.
local function weighed(y)
  return (y * pg.arange(y:size()):cast "f64":sin():reshape(y:dims())):sum() + (y * y):sum()
end

local function holds(t, f, x, what)
  local ok, why = pcall(ad.check, function(w) return weighed(f(w)) end, x)
  t.ok(ok, "%s: %s", what, tostring(why))
end

local function same_to(t, a, b, tolerance, what)
  t.equal(a:dims(), b:dims())
  t.ok(a:size() == 0 or (a - b):abs():max() <= tolerance, "%s: off by %s", what, a:size() == 0 and 0 or (a - b):abs():max())
end

test("cholesky: L L' = a, L lower with a positive diagonal", function(t)
  for i, dims in ipairs(stacks) do
    local a = definite(rng:stream("c", i):normal(dims))
    local L = linalg.cholesky(a)
    same_to(t, L:bmm(T(L)), a, 1e-13, "L L'")
    same_to(t, L:triu(1), 0 * a, 0, "above the diagonal")
    t.ok(L:diagonal():min() > 0)
    same_to(t, linalg.cholesky(T(a)), L, 0, "of the transposed view")
  end
  t.near(linalg.cholesky(pg.tensor { { 4, 2 }, { 2, 10 } }), { { 2, 0 }, { 1, 3 } }, 1e-15)
  t.equal(linalg.cholesky(pg.tensor({ { 4, 2 }, { 2, 10 } }, "f32")):dtype(), "f32")
  t.equal(linalg.cholesky(pg.zeros { 3, 0, 0 }):dims(), { 3, 0, 0 })
end)

test("cholesky names the pivot, the matrix of the stack, the asymmetry, the NaN", function(t)
  local a = pg.eye(9)
  a[7][7] = -3.1e-9
  t.fails(function() linalg.cholesky(a) end,
    "linalg.cholesky: matrix is not positive definite %(pivot 7 is %-3.1e%-09%); add jitter or symmetrise")
  t.fails(function() linalg.logdet(pg.stack { pg.eye(9), a }) end, "linalg.logdet: matrix 2 of the stack is not positive definite %(pivot 7")
  t.fails(function() linalg.cholesky(pg.tensor { { 1, 0.5 }, { 0.7, 1 } }) end,
    "linalg.cholesky: the matrix is not symmetric %(row 2, column 1 holds 0.7, its mirror image 0.5%); symmetrise it: %(a %+ a:t%(%)%) / 2")
  a[7][7], a[2][5] = 1, 0 / 0
  t.fails(function() linalg.cholesky(a) end, "linalg.cholesky: the matrix holds %-?nan at row 2, column 5")
  t.fails(function() linalg.cholesky(pg.ones { 2, 3 }) end, "linalg.cholesky: the matrix is not square: %(2, 3%)")
  t.fails(function() linalg.cholesky(pg.ones { 3 }) end, "linalg.cholesky: a matrix is needed, got shape %(3%)")
  t.fails(function() linalg.cholesky(pg.eye(2):cast "c128") end, "linalg.cholesky: not defined for c128; it takes real matrices")
end)

test("triangular systems: lower, upper, transposed; the other triangle is not read", function(t)
  for i, dims in ipairs(stacks) do
    local n = dims[#dims]
    local a = rng:stream("t", i):normal(dims) + 3 * pg.eye(n)
    local b = rng:stream("b", i):normal { n, 2 }
    for _, upper in ipairs { false, true } do
      local half = upper and a:triu() or a:tril()
      local garbage = half + (upper and pg.full(dims, 0 / 0):tril(-1):masked_fill(pg.ones(dims):triu():gt(0), 0) or 0)
      for _, transposed in ipairs { false, true } do
        local opt = { upper = upper, transposed = transposed }
        local m = transposed and T(half) or half
        same_to(t, m:bmm(linalg.solve_triangular(garbage, b, opt)), b:broadcast_to(m:bmm(b):dims()), 1e-12, "t x")
        same_to(t, linalg.solve_triangular(T(T(a):clone()), b, opt), linalg.solve_triangular(a, b, opt), 1e-13, "column-major")
        same_to(t, linalg.solve_triangular(a, b:select(2, 1), opt), linalg.solve_triangular(a, b, opt):select(#dims, 1), 1e-13, "a vector")
      end
    end
  end
  t.near(linalg.solve_triangular(pg.tensor { { 2, 9 }, { 1, 4 } }, pg.tensor { 2, 5 }), { 1, 1 }, 0)
  t.fails(function() linalg.solve_triangular(pg.tensor { { 2, 1 }, { 1, 0 } }, pg.ones { 2 }) end,
    "linalg.solve_triangular: matrix is singular %(diagonal element 2 is 0%)")
  t.fails(function() linalg.solve_triangular(pg.tensor { { 2, 1 }, { 1 / 0, 1 } }, pg.ones { 2 }) end, "holds inf at row 2, column 1")
  t.fails(function() linalg.solve_triangular(pg.eye(2), pg.ones { 3 }) end, "the right%-hand side has 3 rows, the matrix 2")
  t.fails(function() linalg.solve_triangular(pg.eye(2), pg.ones { 2 }, { uper = true }) end, "did you mean 'upper'")
end)

test("lower triangles pack and unpack", function(t)
  local a = pg.tensor { { 1, 9, 9 }, { 2, 3, 9 }, { 4, 5, 6 } }
  t.equal(linalg.pack_tril(a):tolist(), { 1, 2, 3, 4, 5, 6 })
  t.equal(linalg.unpack_tril(pg.arange(1, 7)):tolist(), { { 1, 0, 0 }, { 2, 3, 0 }, { 4, 5, 6 } })
  t.equal(linalg.pack_tril(T(a)):tolist(), { 1, 9, 3, 9, 9, 6 })
  local v = rng:normal { 2, 3, 10 }
  same_to(t, linalg.pack_tril(linalg.unpack_tril(v)), v, 0, "pack of unpack")
  t.equal(linalg.unpack_tril(pg.zeros { 2, 0 }):dims(), { 2, 0, 0 })
  t.fails(function() linalg.unpack_tril(pg.zeros { 7 }) end,
    "linalg.unpack_tril: 7 elements are no triangle; n %(n %+ 1%) / 2 is 6 for n = 3 and 10 for n = 4")
end)

test("determinants: closed forms, and both kinds agree", function(t)
  t.near(linalg.logdet(pg.tensor { { 4, 2 }, { 2, 10 } }), math.log(36), 1e-15)
  local sign, logarithm = linalg.slogdet(pg.tensor { { 0, 2 }, { 3, 1 } })
  t.equal(sign, -1.0)
  t.near(logarithm, math.log(6), 1e-15)
  sign, logarithm = linalg.slogdet(pg.tensor { { 1, 2 }, { 2, 4 } })
  t.equal(sign, 0.0)
  t.equal(logarithm, -math.huge)
  t.equal({ linalg.slogdet(pg.zeros { 0, 0 }) }, { 1.0, 0.0 })
  t.equal(linalg.logdet(pg.zeros { 0, 0 }), 0.0)
  for i, dims in ipairs(stacks) do
    local a = definite(rng:stream("d", i):normal(dims))
    local s, l = linalg.slogdet(a)
    t.near(linalg.logdet(a), l, 1e-12)
    t.near(s, l * 0 + 1, 0)
  end
  local P = pg.eye(4)[pg.tensor({ 2, 3, 4, 1 }, "i64")] -- a cycle of four is odd
  t.equal({ linalg.slogdet(P) }, { -1.0, 0.0 })
end)

test("eigh: a = V diag(w) V', V orthonormal, w ascending", function(t)
  for i, dims in ipairs(stacks) do
    local a = symmetric(rng:stream("e", i):normal(dims))
    local w, V = linalg.eigh(a)
    same_to(t, rows_of(w, V):size() and (V * w:unsqueeze(w:ndim())):bmm(T(V)), a, 1e-13, "V w V'")
    same_to(t, T(V):bmm(V), pg.eye(dims[#dims]):broadcast_to(dims), 1e-13, "V' V")
    same_to(t, w:sort(), w, 0, "the order")
    same_to(t, linalg.eigvalsh(a), w, 1e-13, "values alone")
  end
  -- the second difference matrix: 2 - 2 cos(k pi / (n + 1))
  local n = 12
  local a = 2 * pg.eye(n) - pg.ones({ n - 1 }):diag(1) - pg.ones({ n - 1 }):diag(-1)
  t.near(linalg.eigvalsh(a), 2 - 2 * pg.cos(pg.arange(1, n + 1) * (math.pi / (n + 1))), 1e-14)
  t.equal(linalg.eigvalsh(pg.zeros { 0, 0 }):dims(), { 0 })
  local w32, v32 = linalg.eigh(a:cast "f32")
  t.equal({ w32:dtype(), v32:dtype() }, { "f32", "f32" })
  t.near(w32:cast "f64", linalg.eigvalsh(a), 2e-6)
  t.fails(function() linalg.eigh(pg.tensor { { 1, 2 }, { 0, 1 } }) end, "linalg.eigh: the matrix is not symmetric %(row 2, column 1")
  t.fails(function() linalg.eigh(pg.tensor { { 1, 0 }, { 0, 1 / 0 } }) end, "linalg.eigh: the matrix holds inf at row 2, column 2")
end)

test("svd: a = U diag(s) V', both orthonormal, s descending", function(t)
  for i, dims in ipairs(shapes) do
    local a = rng:stream("s", i):normal(dims)
    local k = math.min(dims[#dims], dims[#dims - 1])
    local U, s, Vt = linalg.svd(a)
    same_to(t, (U * s:unsqueeze(s:ndim())):bmm(Vt), a, 1e-13, "U s V'")
    same_to(t, T(U):bmm(U), pg.eye(k):broadcast_to(T(U):bmm(U):dims()), 1e-13, "U' U")
    same_to(t, Vt:bmm(T(Vt)), pg.eye(k):broadcast_to(T(U):bmm(U):dims()), 1e-13, "V' V")
    same_to(t, s:sort():flip(s:ndim()), s, 0, "the order")
    same_to(t, linalg.svdvals(a), s, 1e-13, "values alone")
    same_to(t, linalg.svdvals(T(a)), s, 1e-13, "of the transposed view")
    same_to(t, (s * s):flip(s:ndim()), linalg.eigvalsh(k == dims[#dims] and T(a):bmm(a) or a:bmm(T(a))), 1e-12, "eigenvalues of a' a")
  end
  t.near(linalg.svdvals(pg.tensor { { 3, 0 }, { 4, 5 } }), { math.sqrt(45), math.sqrt(5) }, 1e-14)
  local U, s, Vt = linalg.svd(pg.zeros { 3, 0 })
  t.equal({ U:dims(), s:dims(), Vt:dims() }, { { 3, 0 }, { 0 }, { 0, 0 } })
  t.fails(function() linalg.svd(pg.tensor { { 1, 2, 0 / 0 }, { 3, 4, 5 } }) end, "linalg.svd: the matrix holds %-?nan at row 1, column 3")
end)

test("qr: a = Q R, Q orthonormal, R upper triangular", function(t)
  for i, dims in ipairs(shapes) do
    local a = rng:stream("q", i):normal(dims)
    local k = math.min(dims[#dims], dims[#dims - 1])
    local Q, R = linalg.qr(a)
    same_to(t, Q:bmm(R), a, 1e-13, "Q R")
    same_to(t, T(Q):bmm(Q), pg.eye(k):broadcast_to(T(Q):bmm(Q):dims()), 1e-13, "Q' Q")
    same_to(t, R:tril(-1), 0 * R, 0, "below the diagonal")
  end
  t.equal(linalg.qr(pg.zeros { 0, 3 }):dims(), { 0, 0 })
  t.fails(function() linalg.qr(pg.tensor { { 1, 2 }, { 1 / 0, 4 }, { 0, 0 } }) end, "linalg.qr: the matrix holds inf at row 2, column 1")
end)

test("least squares, pseudo-inverse and rank", function(t)
  for i, dims in ipairs { { 5, 5 }, { 7, 3 }, { 3, 7 }, { 4, 1 } } do
    local a, b = rng:stream("l", i):normal(dims), rng:stream("r", i):normal { dims[1], 2 }
    local x, s = linalg.lstsq(a, b)
    same_to(t, T(a):mm(a:mm(x) - b), pg.zeros { dims[2], 2 }, 1e-12, "the normal equations")
    same_to(t, linalg.pinv(a):mm(b), x, 1e-12, "through the pseudo-inverse")
    same_to(t, linalg.lstsq(a, b:select(2, 1)), x:select(2, 1), 1e-13, "a vector")
    same_to(t, s, linalg.svdvals(a), 1e-13, "singular values")
    t.equal(linalg.rank(a), math.min(dims[1], dims[2]))
  end
  local thin = rng:stream("thin"):normal { 6, 2 }
  local a = thin:mm(thin:t()) -- rank 2
  t.equal(linalg.rank(a), 2)
  t.equal(linalg.rank(pg.stack { a, pg.eye(6), 0 * a }):tolist(), { 2, 6, 0 })
  t.equal(linalg.rank(pg.zeros { 0, 3 }), 0)
  local P = linalg.pinv(pg.stack { a, 2 * a })[2] -- Penrose's four
  a = 2 * a
  same_to(t, a:mm(P):mm(a), a, 1e-12, "a p a")
  same_to(t, P:mm(a):mm(P), P, 1e-12, "p a p")
  same_to(t, a:mm(P):t(), a:mm(P), 1e-12, "a p symmetric")
  same_to(t, P:mm(a):t(), P:mm(a), 1e-12, "p a symmetric")
  local x = linalg.lstsq(a, a:mm(pg.ones { 6 }))
  same_to(t, x, P:mm(a:mm(pg.ones { 6 })), 1e-12, "of least norm")
  t.near(linalg.pinv(pg.tensor { { 1, 0 }, { 0, 1e-3 } }, { rcond = 0.01 }), { { 1, 0 }, { 0, 0 } }, 0)
  t.equal(linalg.pinv(pg.zeros { 0, 3 }):dims(), { 3, 0 })
  t.fails(function() linalg.lstsq(a, pg.full({ 6 }, 0 / 0)) end, "linalg.lstsq: the right%-hand side holds %-?nan at row 1, column 1")
  t.fails(function() linalg.lstsq(a, pg.ones { 5 }) end, "linalg.lstsq: the right%-hand side has 5 rows, the matrix 6: %(6, 6%) and %(5%)")
  t.fails(function() linalg.rank(a, { rcond = -1 }) end, "linalg.rank: rcond must lie in %[0, 1%)")
end)

test("factors have their gradients to second order", function(t)
  for i, dims in ipairs { { 1, 1 }, { 4, 4 }, { 2, 3, 3 } } do
    local x = rng:stream("g", i):normal(dims)
    holds(t, function(w) return linalg.cholesky(definite(w)) end, x, "cholesky")
    holds(t, function(w) return pg.tensor(0) + linalg.logdet(definite(w)) end, x, "logdet")
    holds(t, function(w) return select(2, linalg.slogdet(w + 4 * pg.eye(dims[#dims]))) + pg.tensor(0) end, x, "slogdet")
    holds(t, linalg.pack_tril, x, "pack_tril")
    for _, upper in ipairs { false, true } do
      for _, transposed in ipairs { false, true } do
        local opt = { upper = upper, transposed = transposed }
        holds(t, function(w) return linalg.solve_triangular(w + 4 * pg.eye(dims[#dims]), T(w):sin(), opt) end, x, "solve_triangular")
        holds(t, function(w) return linalg.solve_triangular(pg.eye(dims[#dims]) * 3 + w, w:reshape { -1 }[{ { 1, dims[#dims] } }], opt) end, x,
          "solve_triangular of a vector")
      end
    end
  end
  holds(t, linalg.unpack_tril, rng:normal { 2, 6 }, "unpack_tril")
end)

test("spectra have their gradients to second order", function(t)
  for i, dims in ipairs { { 1, 1 }, { 4, 4 }, { 2, 3, 3 } } do
    local x = rng:stream("h", i):normal(dims) / 2 + 3 * pg.arange(dims[#dims]):cast "f64":diag() -- well separated
    holds(t, function(w) return linalg.eigvalsh(symmetric(w)) end, x, "eigvalsh")
    holds(t, function(w) return linalg.eigh(symmetric(w)):exp() end, x, "values of eigh")
    -- vectors have a sign that is nobody's: only even functions of a vector are functions of the matrix
    holds(t, function(w) return select(2, linalg.eigh(symmetric(w))):square() end, x, "vectors of eigh")
    holds(t, function(w)
      local values, V = linalg.eigh(symmetric(w))
      return (V * values:sin():unsqueeze(values:ndim())):bmm(T(V))
    end, x, "a function of a matrix")
  end
  for i, dims in ipairs { { 1, 1 }, { 4, 4 }, { 5, 3 }, { 3, 5 }, { 2, 4, 3 } } do
    local x = rng:stream("v", i):normal(dims) / 2
    x:diagonal():add_(pg.arange(math.min(dims[#dims], dims[#dims - 1])) * 2.0 + 1)
    holds(t, linalg.svdvals, x, "svdvals")
    holds(t, function(w) return (select(1, linalg.svd(w))):square() end, x, "left vectors")
    holds(t, function(w) return (select(3, linalg.svd(w))):square() end, x, "right vectors")
    holds(t, function(w)
      local U, s, Vt = linalg.svd(w)
      return (U * s:sin():unsqueeze(s:ndim())):bmm(Vt)
    end, x, "all of svd")
  end
end)

test("gradients in closed form", function(t)
  local a = pg.tensor { { 4, 1, 0 }, { 1, 3, 1 }, { 0, 1, 5 } }
  t.near(ad.grad(function(x) return linalg.logdet(x) end)(a), linalg.inverse(a), 1e-15)
  t.near(ad.grad(function(x) return linalg.eigvalsh(x):sum() end)(a), pg.eye(3), 1e-14) -- the trace
  t.near(ad.grad(function(x) return linalg.svdvals(x):square():sum() end)(a), 2 * a, 1e-13)
  t.near(ad.grad(function(x) return (linalg.slogdet(x)) end)(a), 0 * a, 0) -- a sign is constant
  t.near(ad.grad(function(x) return linalg.eigvalsh(x):sum() end)(pg.eye(3)), pg.eye(3), 1e-14) -- coinciding values need no vectors
end)

test("what has no gradient says so", function(t)
  t.fails(function() ad.grad(function(x) return (linalg.qr(x)):sum() end)(pg.eye(2)) end, "ad: linalg.qr has no gradient rule")
  t.fails(function() ad.grad(function(x) return linalg.pinv(x):sum() end)(pg.eye(2)) end, "ad: linalg.pinv has no gradient rule")
  t.fails(function() ad.grad(function(x) return (linalg.lstsq(x, pg.ones { 2 })):sum() end)(pg.eye(2)) end, "ad: linalg.lstsq has no gradient rule")
  t.fails(function() ad.grad(function(x) return select(2, linalg.eigh(x)):square():sum() end)(pg.eye(2)) end,
    "ad: linalg.eigh: eigenvalues 1 and 2 coincide %(1%)")
  t.fails(function() ad.grad(function(x) return (linalg.svd(x)):square():sum() end)(pg.eye(3)) end,
    "ad: linalg.svd: singular values 1 and 2 coincide %(1%)")
end)

test("factorisations that the pool shares have the same bits on any number of threads, and hold", function(t)
  for _, n in ipairs { 383, 384, 500, 641 } do
    local a = pg.rng(n):normal { n, n }
    local d, b = a:mm(a:t()) + n * pg.eye(n), pg.rng(n):stream "b":normal { n, 3 }
    for _, dtype in ipairs { "f64", "f32" } do
      local A, D, B = a:cast(dtype), d:cast(dtype), b:cast(dtype)
      local function all() return { pg.linalg.cholesky(D), pg.linalg.solve(A, B), pg.tensor(pg.linalg.logdet(D)) } end
      local one = all()
      pg.threads(3)
      local three = all()
      pg.threads(1)
      for i = 1, 3 do t.equal((one[i] - three[i]):abs():max(), 0, "%d, %s, result %d", n, dtype, i) end
      local exact = dtype == "f64" and 1e-10 or 0.05
      t.ok((one[1]:mm(one[1]:t()) - D):abs():max() <= exact * n, "%d: L L^T", n)
      t.ok((A:mm(one[2]) - B):abs():max() <= exact, "%d: A X", n)
    end
  end
  local a = pg.eye(500)
  a:select(1, 451):fill_(0)
  t.fails(function() pg.linalg.cholesky(a) end, "451")
  t.fails(function() pg.linalg.solve(a, pg.ones { 500 }) end, "singular")
end)
