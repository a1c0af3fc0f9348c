-- The regulariser of label noise as a function of sharpness: with step size eta and momentum beta the slow motion descends
--   R = -((1 + beta) / (2 eta)) sum_j log(1 - eta h_j / (2 (1 + beta))),   h_j the eigenvalues of the Hessian,
-- a quarter of the trace for small steps, infinite where eta h reaches 2 (1 + beta). Figure 1 of Damian, Ma, Lee (NeurIPS 2021).
local pg = require "perigee"

local function regulariser(h, eta, beta)
  if eta * pg.ad.stop(h):max() >= 2 * (1 + beta) then
    error(("regulariser: eta h must stay below 2 (1 + beta) = %g, got %g"):format(2 * (1 + beta), eta * pg.ad.stop(h):max()), 2)
  end
  return -(1 + beta) / (2 * eta) * pg.log1p(-eta / (2 * (1 + beta)) * h):sum()
end

return pg.experiment {
  name   = "label_noise/regplot",
  paper  = "Damian, Ma, Lee, Label Noise SGD Provably Prefers Flat Global Minimizers (NeurIPS 2021)",
  claim  = "The regulariser is a quarter of the trace for small steps and a log-determinant for large ones.",
  params = { points = 200, eta = { 0.1, 0.5, 0.9 }, beta = 0.0, flip = 0.2, classes = 10 },
  help   = { points = "points of the curve", eta = "step sizes of the table", beta = "momentum", flip = "probability of a flipped label", classes = "classes" },
  range  = { points = { from = 2 }, beta = { from = 0, below = 1 }, flip = { above = 0, below = 1 }, classes = { from = 2 } },

  run = function(p)
    local curve = pg.series { "R", "linear" }
    for k = 0, p.points - 1 do
      local s = 2 * k / p.points                                                    -- eta times the sharpness
      curve:add(s, regulariser(pg.tensor { s }, 1, 0), s / 4)
    end
    local spectrum, values = pg.tensor { 0.5, 1, 2 }, {}
    for i, eta in ipairs(p.eta) do values[i] = regulariser(spectrum, eta, p.beta) end
    -- multi-class flips: Hessian of the smoothed loss in the logits, and the loss's minimum
    local C, q = p.classes, pg.full({ p.classes }, p.flip / (p.classes - 1))
    q[1] = 1 - p.flip
    local smoothed = function(z) return z:logsumexp() - (q * z):sum() end
    local z = q:log()
    return { curve = curve, R = pg.tensor(values), trace = pg.ad.hessian(smoothed, z):diagonal():sum(), least = smoothed(z), C = C }
  end,

  report = function(rows, out)
    out:line { rows, x = "s", y = { { "curve.R", label = "log-determinant" }, { "curve.linear", label = "trace / 4", dash = "dashed" } },
      xlabel = "step size times sharpness", ylabel = "step size times regulariser", vline = 2, file = "regulariser" }
    for p, part in rows:each() do
      for i, eta in ipairs(p.eta) do out:print("R at eta %g, spectrum 0.5, 1, 2: %.6f", eta, part.R[1][i]) end
    end
  end,

  check = function(rows, claim)
    local h = pg.tensor { 0.5, 1, 2 }
    for i, t in ipairs { { 0.1, 0, 0.909858 }, { 0.5, 0, 1.114361 }, { 0.9, 0, 1.752953 }, { 0.9, 0.9, 1.095862 } } do
      claim:near(("R at eta %g, beta %g"):format(t[1], t[2]), regulariser(h, t[1], t[2]), t[3], { abs = 1e-6 })
      local g = pg.ad.grad(function(v) return regulariser(v, t[1], t[2]) end)(h)
      claim:near("its derivative by the top eigenvalue, " .. i, g[3], 1 / (2 * (2 - t[1] * 2 / (1 + t[2]))), { rel = 1e-12, why = "(2I - eta H)^-1 / 2" })
      local e = 1e-5 * pg.tensor { 0, 0, 1 }
      claim:near("the same by differences, " .. i, (regulariser(h + e, t[1], t[2]) - regulariser(h - e, t[1], t[2])) / 2e-5, g[3], { rel = 1e-5 })
    end
    claim:near("R over trace / 4 as eta goes to 0", regulariser(h, 1e-9, 0), 0.875, { rel = 1e-8 })
    for _, nu in ipairs { 1e-3, 1e-6 } do -- at the edge the top eigenvalue decides: R / log(2 / nu) -> h_1 / 4, the rest is of order 1 / log(2 / nu)
      local eta = (2 - nu) / 2
      local rest = -1 / (2 * eta) * (math.log(1 - eta * 0.25) + math.log(1 - eta * 0.5))
      claim:near(("R less the other eigenvalues, over log(2 / nu), nu = %g"):format(nu), (regulariser(h, eta, 0) - rest) / math.log(2 / nu), 2 / 4, { rel = nu, why = "m h_1 / 4" })
    end
    claim:equal("beyond the edge of stability it is refused", pcall(regulariser, h, 1, 0), false)
    local C, p = 10, 0.2
    if rows.classes[1] == C and rows.flip[1] == p then
      claim:near("trace of the Hessian in the logits", rows.trace[1], 0.355556, { abs = 1e-6 })
      claim:near("least smoothed loss", rows.least[1], 0.9398473, { abs = 1e-7 })
    end
  end,
}
