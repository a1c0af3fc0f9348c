-- Estimators of the Hurst exponent: their means and scatter on exact paths, what they are invariant to, what they refuse.
local pg = require "perigee"
local hurst, process = pg.diag.hurst, pg.process

test("means and standard deviations over 200 paths of 2^14 steps", function(t)
  local n, paths = 1 << 14, 200
  local scatter = { [0.2] = 0.0106, [0.5] = 0.0101, [0.8] = 0.0091 }   -- of second-order variations
  for H, sd in pairs(scatter) do
    local B = process.fbm(pg.rng(7):stream("path", H * 10 // 1), { n, paths }, { H = H, scale = 3, dt = 0.1 })
    local h = hurst(B)
    t.near(h:mean(), H, 0.004, "order 2, H = %g", H)
    t.near(h:std() / sd, 1, 0.2, "order 2, H = %g", H)
    local w = hurst(B, { method = "whittle" })
    t.near(w:mean(), H, 0.008, "whittle, H = %g", H)
    t.near(w:std() / 0.0225, 1, 0.2, "whittle, H = %g", H)
    if H < 0.75 then t.near(hurst(B, { method = "order1" }):mean(), H, 0.004, "order 1, H = %g", H) end
  end
end)

test("noise and motion give the same estimates, whatever the scale, path by path", function(t)
  local B = process.fbm(pg.rng(8), { 600, 2, 3 }, { H = 0.35 })
  local noise = B:narrow(1, 2, 599) - B:narrow(1, 1, 599)
  t.equal(hurst(B):dims(), { 2, 3 })
  t.near(hurst(noise, { method = "whittle", of = "noise" }), hurst(B, { method = "whittle" }), 1e-9)
  t.near(hurst(noise, { of = "noise" }), hurst(B:narrow(1, 2, 599)), 1e-9)
  t.near(hurst(1e6 * B + 5), hurst(B), 1e-9)
  t.near(hurst(B:select(3, 2):select(2, 1)), hurst(B)[1][2], 1e-12)
  local w = hurst(B, { method = "whittle" })                          -- it is a minimum of the contrast
  local power, m = pg.fft.rfft(noise, 1):abs():square(), math.floor(599^0.65)
  local logs = (pg.arange(1, m + 1):cast "f64" * 2 * math.pi / 599):log()
  local function contrast(h) return math.log((((2 * h - 1) * logs):exp() * power[{ { 2, m + 1 }, 2, 3 }]):mean()) - (2 * h - 1) * logs:mean() end
  local best = w[2][3]
  for _, step in ipairs { -0.01, 0.01 } do t.ok(contrast(best) < contrast(best + step), "a minimum") end
end)

test("what is refused says why", function(t)
  local B = pg.zeros { 5 }
  t.fails(function() hurst(B) end, "hurst_test.lua:%d+: diag.hurst: order2 needs at least 6 steps, got 5")
  t.fails(function() hurst(pg.zeros { 50 }, { method = "rs" }) end, "method must be 'order1', 'order2' or 'whittle', got 'rs'")
  t.fails(function() hurst(pg.zeros { 50 }, { of = "walk" }) end, "of must be 'motion' or 'noise', got 'walk'")
  t.fails(function() hurst(3) end, "paths %(n, ...%) are needed, got number")
end)
