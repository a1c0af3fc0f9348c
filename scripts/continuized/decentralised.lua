-- Decentralised optimisation: the nodes of a graph find the minimiser x* of f_1 + ... + f_n, each knowing its own f_v (mu-strongly convex,
-- L-smooth) and meeting its neighbours in pairs. Dual: minimise D(y) = sum f_v^*(y_v) over sum y_v = 0, whose gradient at v is the node's
-- primal point x_v = argmin f_v(x) - y_v x. When {v, w} rings, both nodes mix y and z since their last events (rate theta), and with
-- G = x_v - x_w, in the sense of one minus the other,
--   y_v -= gamma R_e G, y_w += gamma R_e G,   z_v -= gamma' G, z_w += gamma' G.
-- Constants, derived anew because third parties differ by root 2: D is 1/mu-smooth, so the step lowers it by gamma R_e (1 - gamma R_e / mu) G^2, at
-- least half of gamma R_e G^2 if gamma = mu / (2 R); z moves |z - y*|^2 in the norm of L^+, where the mean of R_e G^2 appears again, by gamma'^2 times
-- it; D is mu_g / L-strongly convex in that norm. So A (D - D*) + A mu_g / (2 L) |z - y*|^2, A = e^(theta t), does not grow on average if
--   gamma' = sqrt(mu L / (2 mu_g R)),   theta = sqrt(mu_g mu / (2 R L)),
-- and D(y) - D* >= mu / 2 sum (x_v - x*)^2 turns it into the bound that is drawn: 2 C / (mu n) e^(-theta t), C the value at t = 0.
-- Plain: y alone, with the longest step mu / 2 that this argument allows. Here f_v = c_v (x - b_v)^2 / 2, so x_v = b_v + y_v / c_v.
-- Even, Berthier, Bach, Flammarion, Gaillard, Hendrikx, Massoulie, Taylor (NeurIPS 2021), appendix on decentralised optimisation.
local pg = require "perigee"
local process = pg.process

local function setting(p)
  local n, g = p.n, process.graph.line(p.n)
  local v = pg.arange(0, n)
  local c, b = 1 + 9 * v / (n - 1), pg.sin(v + 1)
  local s = { g = g, c = c, b = b, mu = c:min(), L = c:max(), mu_g = g:spectral_gap(), R = g:r_max(), best = c:dot(b) / c:sum() }
  s.theta, s.gamma, s.gammap = math.sqrt(s.mu_g * s.mu / (2 * s.R * s.L)), s.mu / (2 * s.R), math.sqrt(s.mu * s.L / (2 * s.mu_g * s.R))
  local y = c * (s.best - b)                                                          -- the dual solution
  s.C = -(y * b + y^2 / (2 * c)):sum() + s.mu_g / (2 * s.L) * y:dot(g:solve(y))
  return s
end

local function sum(list)
  local total = 0
  for i = 1, #list do total = total + list[i] end
  return total
end

return pg.experiment {
  name   = "continuized/decentralised",
  paper  = "Even et al., Continuized Accelerations (NeurIPS 2021), appendix on decentralised optimisation",
  claim  = "Nodes that meet in pairs, without a global counter, find the minimiser of a sum at the rate sqrt(mu_g mu / (2 R L)).",
  params = { n = 8, time = 2000 },
  help   = { n = "nodes, on a line", time = "of the clock, one activation in unit time" },
  range  = { n = { from = 2 }, time = { from = 100 } },
  seeds  = 40, quick = { time = 1000 }, full = { time = 4000, seeds = 400 },

  run = function(p, rng)
    local s = setting(p)
    local n, theta, gammap = p.n, s.theta, s.gammap
    local u, w = s.g:edges()
    local c, b, R, from, to = {}, {}, {}, {}, {}                                        -- as plain numbers, for the loop
    for i = 1, n do c[i], b[i] = s.c[i], s.b[i] end
    local resistance = s.g:effective_resistances()
    for e = 1, s.g:m() do R[e], from[e], to[e] = resistance[e], u[e], w[e] end
    local y, z, last, plain = {}, {}, {}, {}
    for i = 1, n do y[i], z[i], last[i], plain[i] = 0, 0, 0, 0 end

    local function mix(i, t)
      local half = -pg.expm1(-2 * theta * (t - last[i])) / 2
      y[i], z[i], last[i] = y[i] + half * (z[i] - y[i]), z[i] + half * (y[i] - z[i]), t
    end
    local function distance(dual)
      local d = 0
      for i = 1, n do d = d + (b[i] + dual[i] / c[i] - s.best)^2 end
      return d / n
    end

    local gap = pg.series { "continuized", "plain", "bound" }
    local drift, step, next_look = 0, p.time / 100, 0
    for _, t, e in process.poisson(rng:stream "clock", { rates = s.g:weights() }):take(math.maxinteger) do
      while next_look <= p.time and next_look < t do                                    -- every node at the same time; mixing in two parts is mixing
        for i = 1, n do mix(i, next_look) end
        drift = math.max(drift, math.abs(sum(y)), math.abs(sum(z)))
        gap:add(next_look, distance(y), distance(plain), 2 * s.C / (s.mu * n) * math.exp(-theta * next_look))
        next_look = next_look + step
      end
      if next_look > p.time then break end
      local v, o = from[e], to[e]
      mix(v, t)
      mix(o, t)
      local G = (b[v] + y[v] / c[v]) - (b[o] + y[o] / c[o])
      local dy, dz = s.gamma * R[e] * G, gammap * G
      y[v], y[o], z[v], z[o] = y[v] - dy, y[o] + dy, z[v] - dz, z[o] + dz
      local H = s.mu / 2 * ((b[v] + plain[v] / c[v]) - (b[o] + plain[o] / c[o]))
      plain[v], plain[o] = plain[v] - H, plain[o] + H
    end
    return { gap = gap, final = gap.continuized[-1], plain = gap.plain[-1], drift = drift, theta = theta, gamma = s.gamma, gammap = gammap }
  end,

  report = function(rows, out)
    out:line { rows, x = "time", file = "distance", ylog = true, xlabel = "time $t$", ylabel = "mean over nodes of $(x_v - x^*)^2$",
      y = { { "gap.plain", label = "plain", center = "median" }, { "gap.continuized", label = "continuized", center = "median", band = "10-90", paths = 10 },
            { "gap.bound", label = "bound of the mean", dash = "dotted" } } }
    out:table(rows, { "theta", "gammap", "final", "plain", "drift" })
  end,

  check = function(rows, claim)
    local p, gap = rows.blocks[1].params, rows.gap
    local s = setting { n = 8 }
    for _, c in ipairs { { "mu_g", .0217487050 }, { "R", 7 }, { "theta", 1.24638635e-2 }, { "gamma", 1 / 14 }, { "gammap", 5.73085316 }, { "best", .168193770 } } do
      claim:near("n = 8: " .. c[1], s[c[1]], c[2], { rel = 1e-8 })
    end
    local mean, err, bound = gap:mean "continuized", gap:stderr "continuized", gap:mean "bound"
    claim:below("mean less 4 s.e. over its bound, at its highest", ((mean - 4 * err) / bound):max(), 1, { why = "theorem, derived above" })
    claim:below("sums of y and z, all nodes at one time", rows.drift:max(), 1e-12 * p.n)
    local function median(t) return gap:column "continuized"[math.floor(100 * t / p.time + 0.5) + 1]:median() end
    if p.n == 8 and 200 * 100 % p.time == 0 then
      claim:above("median at T = 200", median(200), 5e-4)
      claim:below("median at T = 200", median(200), 5e-3)
      claim:below("median at T = 1000", median(1000), 1e-11)
    end
    claim:below("in the end, median over that of plain", rows.final:median() / rows.plain:median(), 1)
  end,
}
