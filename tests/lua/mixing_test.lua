-- The exact discretisation of the continuized flow (paper 03, section 2.2): three forms of the same map.
local pg = require "perigee"

test("tau form, symmetric form and matrix exponential of the mixing flow agree", function(t)
  local rng = pg.rng(3)
  for k = 1, 400 do
    local s = 10 ^ rng:stream("s", k):uniform(-8, math.log(50, 10))                   -- theta times the gap
    local x, z = rng:stream("x", k):normal(), rng:stream("z", k):normal()
    local scale = math.max(math.abs(x), math.abs(z))
    local y = x - pg.expm1(-2 * s) / 2 * (z - x)
    local w = z + pg.tanh(s) * (y - z)
    local c = -pg.expm1(-2 * s) / 2
    t.near(y, x + c * (z - x), 1e-14 * scale)
    t.near(w, z + c * (x - z), 1e-14 * scale)
    local flow = pg.linalg.expm(pg.tensor { { -s, s }, { s, -s } }):mv(pg.tensor { x, z })
    t.near(flow[1], y, 1e-14 * scale, "x, s = %g", s)
    t.near(flow[2], w, 1e-14 * scale, "z, s = %g", s)
  end
end)
