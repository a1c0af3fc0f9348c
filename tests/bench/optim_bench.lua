-- Optimiser steps: on a million parameters against PyTorch (sgd moves memory and nothing else, so level), on a hundred against a budget; a stochastic gradient step by hand.
local pg = require "perigee"
local optim = pg.optim

local torch = "p = torch.ones(%d, dtype=torch.%s); p.grad = 0.5 * torch.ones_like(p); o = torch.optim.%s([p], lr=1e-3); o.step()"

return function(bench)
  for _, dtype in ipairs { "f64", "f32" } do
    for _, case in ipairs { { "adam", "Adam", optim.adam {}, 0.85 }, { "sgd", "SGD", optim.sgd { lr = 1e-3 }, 1.2 } } do
      local name, class, opt, bar = table.unpack(case)
      local x, g = pg.ones({ 1000000 }, dtype), pg.full({ 1000000 }, 0.5, dtype)
      bench.case { name = ("%s step, 10^6 %s"):format(name, dtype), ours = function(n) for _ = 1, n do opt:step(x, g) end end,
        yard = bench.torch(torch:format(1000000, dtype == "f64" and "float64" or "float32", class), "o.step()"), bar = { ratio = bar } }
    end
  end

  local x, g = pg.ones { 100 }, pg.full({ 100 }, 0.5)
  for name, opt in pairs { sgd = optim.sgd { lr = 1e-3 }, adam = optim.adam {}, ["adam on a schedule"] = optim.adam { lr = optim.inverse_power { lr = 1 } } } do
    bench.case { name = name .. " step, 100 parameters", ours = function(n) for _ = 1, n do opt:step(x, g) end end, bar = { ns = 500 } }
  end

  local w, row, target, opt = pg.zeros { 100 }, pg.sin(pg.arange(100)), 0.3, optim.sgd { lr = 1e-3 }
  bench.case { name = "least squares, d = 100, one SGD step by hand", ours = function(n)
    for _ = 1, n do opt:step(w, (row:dot(w) - target) * row) end
  end, yard = bench.numpy("w = np.zeros(100); r = np.sin(np.arange(100.))", "w -= 1e-3 * ((r @ w - 0.3) * r)"), bar = { ns = 500 } }
end
