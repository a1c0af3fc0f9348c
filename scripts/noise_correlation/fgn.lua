-- Fractional Gaussian noise: increments of a process with E (B_t - B_s)^2 = |t - s|^2H. H < 1/2 is anticorrelated noise, as that of Anti-PGD
-- nearly is, H > 1/2 persistent. What every generator must meet: exact autocovariances gamma(k), a circulant embedding without
-- negative eigenvalues (the entry gamma(n) at its fold matters: with a zero there, one is negative), and estimators that find H again.
-- Lucchi, Proske, Orvieto, Bach, Kersting, On the Theoretical Properties of Noise Correlation in Stochastic Optimization (NeurIPS 2022).
local pg = require "perigee"
local process, hurst = pg.process, pg.diag.hurst

-- The least eigenvalue of the circulant matrix of gamma(0..n), mirrored; `fold` instead of gamma(n).
local function least_eigenvalue(H, n, fold)
  local row = process.fgn_covariance(H, n + 1)
  if fold then row[n + 1] = fold end
  return pg.fft.rfft(pg.concatenate { row, row:narrow(1, 2, n - 1):flip(1) }):real():min()
end

return pg.experiment {
  name   = "noise_correlation/fgn",
  paper  = "Lucchi et al., On the Theoretical Properties of Noise Correlation in Stochastic Optimization (NeurIPS 2022)",
  claim  = "Fractional noise of any length has exactly its covariances, and its exponent can be read off a path.",
  params = { H = 0.5, n = 65536, method = "auto", lags = 8 },
  help   = { H = "Hurst exponent", n = "steps of a path", method = "generator; stream: step by step", lags = "autocovariances compared" },
  choices = { method = { "auto", "circulant", "cholesky", "hosking", "stream" } },
  range  = { H = { above = 0, below = 1 }, n = { from = 1024 }, lags = { from = 1, to = 100 } },
  sweep  = { H = { 0.1, 0.25, 0.5, 0.75, 0.9 } },
  seeds  = 50, batched = true, quick = { n = 8192 }, full = { seeds = 500, n = 1048576 },

  run = function(p, rng, log)
    local noise
    if p.method == "stream" then
      local stream = process.fgn_stream(rng, {}, { H = p.H })
      noise = pg.zeros { p.n, p.replicas }
      for k in log:progress(p.n) do stream:step(noise[k]) end
    else
      noise = process.fgn(rng, { p.n }, { H = p.H, method = p.method })
    end
    local covariance = {}
    for k = 0, p.lags do
      local m = p.n - k
      covariance[k + 1] = (noise:narrow(1, 1, m) * noise:narrow(1, 1 + k, m)):mean(1)         -- the mean is known to be 0
    end
    return { covariance = pg.stack(covariance, 2), order2 = hurst(noise, { of = "noise" }), whittle = hurst(noise, { of = "noise", method = "whittle" }),
             path = noise:narrow(1, 1, 1024):cumsum(1):transpose(1, 2):contiguous() }
  end,

  report = function(rows, out)
    local paths, covariances = { xlabel = "step", ylabel = "$B / 1024^H$" }, { xlabel = "lag", ylabel = "autocovariance" }
    local lines = { { "H", "lag", "autocovariance", "s.e.", "exact" } }
    for p, part in rows:each() do
      local group, lag = ("H = %g"):format(p.H), pg.arange(p.lags + 1)
      local exact, mean, se = process.fgn_covariance(p.H, p.lags + 1), part.covariance:mean(1), part.covariance:std { axes = { 1 } } / math.sqrt(#part)
      paths[#paths + 1] = pg.plot.line { x = pg.arange(1, 1025), y = part.path[1] / 1024^p.H, label = group, group = group }
      covariances[#covariances + 1] = pg.plot.line { x = lag, y = exact, group = group }
      covariances[#covariances + 1] = pg.plot.scatter { x = lag, y = mean, group = group }
      for k = 1, math.min(4, p.lags + 1) do
        lines[#lines + 1] = { p.H, k - 1, ("%.5f"):format(mean[k]), ("%.5f"):format(se[k]), ("%.5f"):format(exact[k]) }
      end
    end
    out:panels { file = "fgn", paths, covariances }
    out:columns(lines)
    out:table(rows, { "H", "order2", "whittle" })
  end,

  check = function(rows, claim)
    for H, gamma in pairs { [0.1] = { -0.4256508225, -0.0258328852 }, [0.25] = { -0.2928932188, -0.0481881586 }, [0.75] = { 0.4142135624, 0.2696490866 }, [0.9] = { 0.7411011266, 0.6301347747 } } do
      for k = 1, 2 do claim:near(("gamma(%d), H = %g"):format(k, H), process.fgn_covariance(H, 3)[k + 1], gamma[k], { abs = 1e-10 }) end
    end
    for _, v in ipairs { { 0.05, 1024, 1.953e-4 }, { 0.25, 64, 6.250e-2 }, { 0.75, 1024, 0.4747 }, { 0.95, 64, 8.716e-2 }, { 0.99, 1024, 1.714e-2 } } do
      claim:near(("least eigenvalue of the embedding, H = %g, n = %d"):format(v[1], v[2]), least_eigenvalue(v[1], v[2]), v[3], { rel = 1e-3 })
    end
    claim:near("least eigenvalue with a zero at the fold, H = 0.95, n = 1024", least_eigenvalue(0.95, 1024, 0), -0.340, { abs = 5e-4, why = "what the fold is for" })
    for p, part in rows:each() do
      local exact, root = process.fgn_covariance(p.H, p.lags + 1), math.sqrt(#part)
      for k = 0, p.lags do
        local c = part.covariance[{ {}, k + 1 }]
        claim:near(("autocovariance at lag %d, H = %g"):format(k, p.H), c:mean(), exact[k + 1], { abs = 5 * c:std() / root, why = "5 standard errors" })
      end
      claim:near(("H by variations of order 2, H = %g"):format(p.H), part.order2:mean(), p.H, { abs = 5 * part.order2:std() / root + 1e-3, why = "5 standard errors, and a bias of 1e-3" })
      -- a bias of 0.008 for H from 0.2 to 0.8; below, what leaks into the low frequencies counts for more
      claim:near(("H by local Whittle, H = %g"):format(p.H), part.whittle:mean(), p.H, { abs = 5 * part.whittle:std() / root + 0.008, why = "5 standard errors, and a bias of 0.008" })
    end
  end,
}
