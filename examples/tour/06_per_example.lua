-- Per-example gradients: a loss that returns one value an example gives one gradient an example, in one backward pass.
local pg = require "perigee"
local ad, nn = pg.ad, pg.nn

local rng = pg.rng(1)
local net = nn.mlp { 5, 16, 3, act = "tanh" }
local theta = net:init(rng:stream "init", "f64")
local x, y = rng:stream("x"):normal { 40, 5 }, rng:stream("y"):integers({ 40 }, 3)
local loss = function(w, a, b) return nn.cross_entropy(net(w, a), b) end          -- (n) values

local G = ad.per_example(loss)(theta, x, y)
print(G:dims()[1], G:dims()[2])

-- Their mean is the gradient of the mean loss.
local g = ad.grad(function(w) return loss(w, x, y):mean() end)(theta)
print("largest difference", (G:mean(1) - g):abs():max() < 1e-14)

-- Squared norms alone cost little more than one gradient, and clipped sums never form the matrix.
local n2 = ad.sqnorms(loss, theta, x, y)
print("norms", n2:sqrt():min(), n2:sqrt():max())
local C = n2:sqrt():median()
local clipped = ad.clipped_sum(loss, theta, { clip = C }, x, y)
print("clipped sum", (clipped - (G * pg.minimum(1, C / n2:sqrt()):unsqueeze(2)):sum(1)):abs():max() < 1e-12)
