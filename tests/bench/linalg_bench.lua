-- Systems, factorisations and matrix exponentials against NumPy and SciPy; LAPACK does the work on both sides.
local pg = require "perigee"
local linalg = pg.linalg

local function matrix(n) return pg.rng(n):normal { n, n } / math.sqrt(n) + 3 * pg.eye(n) end
local python = "m = %d; a = np.random.default_rng(m).standard_normal((m, m)) / np.sqrt(m) + 3 * np.eye(m)"
local bar = { ratio = 1.05 }

-- f once for each repetition asked for.
local function times(f) return function(k) for _ = 1, k do f() end end end

-- Ours and NumPy's BLAS on as many threads: one, and two.
local function case(bench, name, n, ours, setup, numpy, limit)
  for threads = 1, limit and 2 or 1 do
    bench.case { name = ("%s, %d x %d%s"):format(name, n, n, threads == 2 and ", two threads" or ""), ours = times(ours), threads = threads,
      yard = bench.numpy(python:format(n) .. setup, numpy, threads), bar = limit }
  end
end

return function(bench)
  for _, n in ipairs { 3, 500, 1000 } do
    local a, b = matrix(n), pg.ones { n }
    case(bench, "solve", n, function() linalg.solve(a, b) end, "; b = np.ones(m)", "np.linalg.solve(a, b)", n > 3 and bar or nil)
  end
  for _, n in ipairs { 500, 1000 } do
    local a = matrix(n)
    local s = (a + a:t()) / 2
    local d = a:mm(a:t()) + n * pg.eye(n)
    case(bench, "cholesky", n, function() linalg.cholesky(d) end, "; d = a @ a.T + m * np.eye(m)", "np.linalg.cholesky(d)", bar)
    case(bench, "eigh", n, function() linalg.eigh(s) end, "; s = (a + a.T) / 2", "np.linalg.eigh(s)", bar)
    case(bench, "svd", n, function() linalg.svd(a) end, "", "np.linalg.svd(a)", bar)
  end
  for _, n in ipairs { 4, 200 } do
    local a = matrix(n)
    bench.case { name = ("expm, %d x %d"):format(n, n), yard = bench.scipy(python:format(n) .. "; import scipy.linalg", "scipy.linalg.expm(a)"),
      ours = times(function() linalg.expm(a) end) }
  end
end
