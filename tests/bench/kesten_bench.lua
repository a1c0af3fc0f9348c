-- Chains of SGD on least squares.
local pg = require "perigee"
local kesten = pg.process.kesten

return function(bench)
  local block = pg.rng(1):block("chain", 20000)
  bench.case { name = "2e4 Kesten chains of 800 steps, b = d = 1, over the normals they draw", per = 20000 * 800, bar = { ratio = 2 }, yardstick = "normals",
    ours = function(n) for _ = 1, n do kesten.chains(block, { eta = 0.6, steps = 800 }) end end,
    yard = function(n) for _ = 1, n do block:normal { 2 * 800 } end end }
  for _, law in ipairs { "norm", "gauss" } do
    bench.case { name = "2e4 Kesten chains of 1500 steps, b = d = 10, " .. law, unit = "s", bar = { value = 20 }, measure = function()
      local start = pg.system.clock()
      kesten.chains(block, { law = law, eta = 0.9, b = 10, d = 10, steps = 1500 })
      return pg.system.clock() - start
    end }
  end
end
