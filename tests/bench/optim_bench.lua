-- Optimiser steps: on a million parameters against PyTorch (sgd moves memory and nothing else, so level), on a hundred against a budget.
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
end
