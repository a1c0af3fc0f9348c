-- noise_test.lua: delta and noise multipliers by sampler against published and prototyped values (one core: coarse grids suffice).
local pg = require "perigee"
local noise = pg.privacy.noise

local function d(kind, T, k, more)
  local r = { kind = kind, n = T, rate = 1 / T, batch = 1, steps_per_epoch = T, epochs = k or 1 }
  for name, value in pairs(more or {}) do r[name] = value end
  return r
end

test("deterministic and shuffled batches: closed forms", function(t)
  for _, row in ipairs { { 0.5, 8.05303602e-1, 7.99985946e-1 }, { 2, 6.43878212e-1, 6.41777956e-1 }, { 6, 1.66695649e-1, 1.66661370e-1 }, { 10, 1.00367847e-2, 1.00367085e-2 } } do
    t.near(noise.delta(d("deterministic", 1000), 0.35, row[1]) / row[2], 1, 1e-7)
    t.near(noise.delta(d("shuffle_dynamic", 1000), 0.35, row[1]) / row[3], 1, 1e-7)
  end
  for _, row in ipairs { { 0.4, 100000, 8, 1.228951853e-2 }, { 0.8, 100, 4, 8.525608753e-4 }, { 1, 10, 4, 3.928600321e-5 } } do
    t.near(noise.delta(d("shuffle_persistent", row[2]), row[1], row[3]) / row[4], 1, 1e-7)
  end
end)

test("several epochs: persistent, and dynamic from below", function(t)
  for _, row in ipairs { { 0.8, 1000, 2, 4, 5.545527e-4, 2.66078180e-2 }, { 0.8, 1000, 5, 1, 1.0755122e-1, 7.37178771e-1 }, { 1, 100, 10, 4, 1.4459708e-2, 5.03240102e-1 },
    { 0.6, 35938, 5, 8, 4.296614e-4, 2.98003521e-1 } } do
    local sigma, T, k, eps, estimate, persistent = table.unpack(row)
    t.near(noise.delta(d("shuffle_persistent", T, k), sigma, eps) / persistent, 1, 1e-7)
    local floor = noise.delta(d("shuffle_dynamic", T, k), sigma, eps) / estimate
    t.ok(floor > 0.98 and floor <= 1, "%g", floor)
  end
end)

test("Poisson sampling: from above, nearly exact", function(t)
  for _, row in ipairs { { 0.01, 1, 1000, 1, 2.612419e-3 }, { 0.01, 0.8, 1000, 0.5, 8.734413e-2 }, { 0.001, 0.6, 10000, 2, 4.810616e-5 }, { 0.05, 1.5, 500, 4, 3.769681e-6 } } do
    local q, sigma, N, eps, exact = table.unpack(row)
    local ratio = noise.delta({ kind = "poisson", rate = q, steps_per_epoch = N, epochs = 1 }, sigma, eps) / exact
    t.ok(ratio > 0.9999 and ratio < 1 + 5 * N * 1e-6, "%g", ratio)                            -- the error of connect-the-dots is O(N h^2), h = 1e-3
  end
end)

test("multipliers and truncation at the scale of 36.8 million records", function(t)
  local how = { eps = 5, delta = 2.7e-8 }
  for _, row in ipairs { { 562, 1, 65536, 1.10638, 0.54690, 1.01063, 1.01063, 67698 }, { 562, 5, 65536, 2.47395, 0.58460, 2.25984, 1.11148, 67745 } } do
    local T, k = row[1], row[2]
    local poisson = d("poisson", T, k, { n = 36800000, batch = 36800000 / T })
    t.near(noise.multiplier(d("deterministic", T, k), how), row[4], 2e-5)
    t.near(noise.multiplier(poisson, how), row[5], 2e-4)
    t.near(noise.multiplier(d("shuffle_persistent", T, k), how), row[6], 2e-5)
    local sigma, what = noise.multiplier(d("shuffle_dynamic", T, k), how)
    t.ok(sigma <= row[7] + 2e-5 and sigma > row[7] - (k == 1 and 2e-5 or 1e-3), "%g", sigma)
    t.equal(what, "lower bound")
    t.equal(noise.max_batch(poisson, how), row[8])
  end
  t.equal(noise.max_batch({ n = 10000, rate = 0.01, batch = 100, steps_per_epoch = 100, epochs = 10 }, { eps = 1, delta = 1e-3 }), 176)
  local cut = { kind = "truncated_poisson", n = 10000, rate = 0.01, batch = 100, steps_per_epoch = 100, epochs = 10, max_batch = 110 }
  t.fails(function() noise.multiplier(cut, { eps = 1, delta = 1e-3 }) end, "truncation to 110 alone costs")
  t.fails(function() noise.multiplier({ kind = "balls_and_bins" }, how) end, "no bound is known here for 'balls_and_bins'")
end)
