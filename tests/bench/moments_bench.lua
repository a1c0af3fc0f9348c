-- Exact moments of gossip on a line, an event, against the same matrices moved by NumPy; and of a Gaussian design.
local pg = require "perigee"

local numpy = ([=[N = %d
e = np.arange(N - 1); L = np.zeros((N, N)); P = 1 / (N - 1)
for i in e: L[i:i+2, i:i+2] += P * np.array([[1, -1], [-1, 1]])
x = np.full(N, -1 / N); x[0] += 1
t, g, h = 0.003, 0.5, 6.
c = 1 / ((1 + 2 * t) * (1 + 4 * t)); stay = (1 + 4 * t + 2 * t * t) * c; go = t * (1 + 2 * t) * c; swap = 2 * t * t * c; mid = (1 + 2 * t) ** 2 * c
S = [np.outer(x, x)] * 3
def step():
    xx, xz, zz = S
    zx = xz.T
    xx, xz, zz = (stay * xx + go * (xz + zx) + swap * zz, go * (xx + zz) + (mid + 1 / (1 + 2 * t)) / 2 * xz + (mid - 1 / (1 + 2 * t)) / 2 * zx,
                  swap * xx + go * (xz + zx) + stay * zz)
    d = np.diag(xx); q = P * (d[:-1] + d[1:] - 2 * np.diag(xx, 1))
    F = np.zeros((N, N)); F[e, e] += q; F[e + 1, e + 1] += q; F[e, e + 1] -= q; F[e + 1, e] -= q
    A, B = L @ xx, L @ xz
    S[:] = [xx - g * (A + A.T) + g * g * F, xz - h * A.T + g * h * F - g * B, zz - h * (B + B.T) + h * h * F]]=]):gsub("\n", "\n  ")                    -- inside a function

return function(bench)
  for _, n in ipairs { 10, 30, 100 } do
    local x0 = pg.full({ n }, -1 / n)
    x0[1] = 1 - 1 / n
    local m = pg.diag.moments.gossip { graph = pg.process.graph.line(n), x0 = x0, theta = 0.003, gammap = 6 }
    bench.case { name = ("moments of gossip at jumps, line %d, an event"):format(n), per = 100, ours = function(k) for _ = 1, k do m:at_jump(100) end end,
      yard = bench.numpy(numpy:format(n), "[step() for _ in range(100)]"), bar = { ratio = 0.3 } }
    bench.case { name = ("moments of gossip in time, line %d, an event"):format(n), per = 100, ours = function(k) for _ = 1, k do m:at_time(100) end end }
  end
  local g = pg.diag.moments.gaussian { h = 1 / pg.arange(1, 1001)^2, theta = 0.001, gamma = 0.2, gammap = 10, x0 = -1 }
  bench.case { name = "moments of a Gaussian design, d = 1000, a jump", per = 100, ours = function(k) for _ = 1, k do g:at_jump(100) end end, bar = { ns = 4000 } }
end
