-- Systems and matrix exponentials against NumPy and SciPy; no bars, LAPACK does the work on both sides.
local pg = require "perigee"

local function matrix(n) return pg.sin(pg.arange(n * n) * 0.7):reshape { n, n } + 3 * pg.eye(n) end
local python = "m = %d; a = np.sin(np.arange(m * m) * 0.7).reshape(m, m) + 3 * np.eye(m)"

return function(bench)
  for _, n in ipairs { 3, 400 } do
    local a, b = matrix(n), pg.ones { n }
    bench.case { name = ("solve, %d unknowns"):format(n), yard = bench.numpy(python:format(n) .. "; b = np.ones(m)", "np.linalg.solve(a, b)"),
      ours = function(k) for _ = 1, k do pg.linalg.solve(a, b) end end }
  end
  for _, n in ipairs { 4, 200 } do
    local a = matrix(n)
    bench.case { name = ("expm, %d x %d"):format(n, n), yard = bench.scipy(python:format(n) .. "; import scipy.linalg", "scipy.linalg.expm(a)"),
      ours = function(k) for _ = 1, k do pg.linalg.expm(a) end end }
  end
end
