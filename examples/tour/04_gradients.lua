-- Gradients: write the loss as plain Lua, and ask for its gradient.
local pg = require "perigee"
local ad = pg.ad

local rng = pg.rng(1)
local X, truth = rng:stream("X"):normal { 50, 3 }, pg.tensor { 1, -2, 0.5 }
local y = X:mm(truth) + 0.1 * rng:stream("noise"):normal { 50 }

local loss = function(w) return ((X:mm(w) - y)^2):mean() / 2 end
local w = pg.zeros { 3 }
for _ = 1, 200 do w = w - 0.3 * ad.grad(loss)(w) end
print("least squares:", w)

-- The value as well, several arguments, and whatever else the function returns:
local f = function(a, b) return (a * b):sum(), "extra" end
print(ad.value_and_grad(f, { 1, 2 })(pg.tensor { 1, 2 }, pg.tensor { 3, 4 }))

-- Gradients of gradients need nothing new: the third derivative of x^4 at 2 is 48.
local function d(g) return function(x) return ad.grad(g)(x):sum() end end
print(d(d(d(function(x) return (x^4):sum() end)))(pg.tensor { 2 }))

-- Every function can be held against finite differences.
local errors = ad.check(loss, w)
print(errors.first < 1e-7, errors.second < 1e-7)
