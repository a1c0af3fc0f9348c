-- Optimisers: objects with a state, opt:step(theta, g), which writes into theta. Each says which published variant it is.
local pg = require "perigee"
local ad, optim = pg.ad, pg.optim

-- A badly conditioned quadratic in 50 dimensions.
local lambda = pg.logspace(-3, 0, 50)
local f = function(w) return (lambda * w^2):sum() / 2 end
local gradient = ad.grad(f)

local s = math.sqrt(lambda[1] / lambda[-1])
local methods = {
  optim.sgd { lr = 1 },
  optim.heavy_ball { lr = 4 / (1 + s)^2, momentum = ((1 - s) / (1 + s))^2 },
  optim.nesterov { lr = 1, mu = lambda[1] },
  optim.adam { lr = optim.cosine { lr = 0.1, steps = 500 } },
  optim.chain { optim.clip(1), optim.momentum(0.9), optim.scale(-0.1) },
}
for _, opt in ipairs(methods) do
  local w = pg.ones { 50 }
  for _ = 1, 500 do opt:step(w, gradient(w)) end
  print(("%-70s f = %.2e"):format(tostring(opt), f(w)))
end

-- Second order where it is cheap: L-BFGS minimises by itself.
local w = pg.ones { 50 }
local best = optim.lbfgs {}:minimise(ad.value_and_grad(f), w)
print("lbfgs", f(best))

-- What does not make sense is refused, with what was meant.
print(select(2, pcall(optim.sgd, { learning_rate = 1 })))
