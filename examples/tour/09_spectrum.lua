-- The spectrum of a Hessian that is never formed: Lanczos, traces and densities from Hessian-vector products.
local pg = require "perigee"
local ad, nn, linalg = pg.ad, pg.nn, pg.linalg

local rng = pg.rng(1)
local set = pg.data.two_moons(200, rng:stream "data")
local net = nn.mlp { 2, 12, 2, act = "tanh" }
local theta = net:init(rng:stream "init", "f64")
local loss = function(w) return nn.cross_entropy(net(w, set.x), set.y):mean() end
for _ = 1, 300 do theta = theta - 0.5 * ad.grad(loss)(theta) end
print("loss", loss(theta), "accuracy", nn.accuracy(net(theta, set.x), set.y))

local d = net:size()
local H = function(v) return ad.hvp(loss, theta, v) end
local top = linalg.lanczos(H, d, { k = 5, rng = rng:stream "lanczos" })
print("largest eigenvalues", top)

-- The same from the Hessian itself, which is small enough here.
local exact = linalg.eigvalsh(ad.hessian(loss, theta))
print("exact              ", exact[{ { d, d - 4, -1 } }])
print("trace", exact:sum(), "Hutchinson", (linalg.hutchinson(H, d, { probes = 200, rng = rng:stream "trace" })))
