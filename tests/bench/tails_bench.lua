-- Tail-index estimators.
local pg = require "perigee"

return function(bench)
  local W = pg.rng(1):stable({ 2048, 2048 }, 1.5):cast "f32"
  local sizes, orders = pg.diag.tails.candidates(2048), {}
  for k = 1, 5 do orders[k] = pg.rng(2):stream("order", k):permutation(2048) end
  bench.case { name = "block log-norms of a 2048 x 2048 layer in five orders, over NumPy's sum of it five times", bar = { ratio = 3 },
    ours = function(n)
      for _ = 1, n do
        for k = 1, 5 do pg.diag.block_logs(W, sizes, orders[k]) end
      end
    end,
    yard = bench.numpy("x = np.random.rand(2048, 2048).astype(np.float32)", "[x.sum() for _ in range(5)]") }
end
