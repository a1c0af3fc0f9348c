-- Curvature: Hessian-vector products without the Hessian, and the Hessian where it is small.
local pg = require "perigee"
local ad = pg.ad

-- Rosenbrock's valley: the Hessian at the minimum has condition number 2508.
local function f(w) return 100 * (w[2] - w[1]^2)^2 + (1 - w[1])^2 end
local w = pg.tensor { 1, 1 }
local H = ad.hessian(f, w)
print(H)
print("H v =", ad.hvp(f, w, pg.tensor { 1, 2 }), H:mv(pg.tensor { 1, 2 }))

-- Its eigenvalues from trace and determinant:
local trace, det = H[1][1] + H[2][2], H[1][1] * H[2][2] - H[1][2] * H[2][1]
local top = (trace + math.sqrt(trace^2 - 4 * det)) / 2
print("condition number", top / (det / top))

-- Hutchinson's estimate of a trace needs products only: E v'Hv = tr H for random signs v.
local rng, sum = pg.rng(1), 0
for k = 1, 1000 do
  local v = rng:stream("probe", k):rademacher { 2 }
  sum = sum + v:dot(ad.hvp(f, w, v))
end
print("trace", trace, "estimated", sum / 1000)
