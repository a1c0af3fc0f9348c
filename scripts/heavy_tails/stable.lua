-- Stable laws, which everything here rests on: density, both tails and quantiles from one integral, and draws by Chambers, Mallows and Stuck.
-- Far out P(X > x) ~ (1 + beta)/2 C x^-alpha, C = (2/pi) Gamma(alpha) sin(pi alpha/2). Sample moments that exist have closed forms (symmetric,
-- scale 1): E log|X| = gamma (1/alpha - 1), Var log|X| = (pi^2/6)(1/alpha^2 + 1/2), and E|X|^p for p < alpha. Forms: s1 has its location at
-- the mean (alpha > 1), s0 is continuous in alpha; they differ by beta tan(pi alpha/2). alpha = 2 has variance 2.
-- Background of Barsbey et al. (NeurIPS 2021); Zolotarev (1986); Nolan (1997); Chambers, Mallows & Stuck (1976).
local pg = require "perigee"

local euler = 0.57721566490153286
local probabilities = pg.tensor { 1e-6, 1e-3, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1 - 1e-6 }
local function stable(...) return pg.numeric.law("stable", ...) end

-- E|X|^q of the symmetric law of unit scale, -1 < q < alpha.
local function moment(alpha, q)
  return math.exp(q * math.log(2) + pg.lgamma((1 + q) / 2) + pg.lgamma(1 - q / alpha) - pg.lgamma(1 - q / 2)) / math.sqrt(math.pi)
end

return pg.experiment {
  name   = "heavy_tails/stable",
  paper  = "Barsbey et al., Heavy Tails in SGD and Compressibility of Overparametrized Neural Networks (NeurIPS 2021)",
  claim  = "Stable densities, tails and quantiles to 1e-9, and draws that follow them.",
  params = { alpha = 1.5, beta = 0.5, n = 1000000, form = "s1", tested = 100000 },
  help   = { alpha = "index", beta = "skewness", n = "draws", form = "parameterisation", tested = "draws that Kolmogorov's test reads" },
  choices = { form = { "s1", "s0" } },
  range  = { alpha = { above = 0, to = 2 }, beta = { from = -1, to = 1 }, n = { from = 1000 }, tested = { from = 100 } },
  sweep  = { { alpha = { 0.8, 1.2, 1.5, 1.8 }, beta = { 0 } }, { alpha = { 1.7 }, beta = { 0.5 } } },
  quick  = { tested = 5000 }, full = { tested = 1000000 },

  run = function(p, rng)
    local law = stable(p.alpha, p.beta, 1, 0, p.form)
    local x = law:draw(rng, { p.n })
    local logs = x:abs():log()
    local variance, log_q = logs:var(), (logs - logs:mean()) ^ 2
    local _, ks = law:kolmogorov(x:narrow(1, 1, math.min(p.n, p.tested)))
    local quantile, far, middle = law:quantile(probabilities), pg.logspace(0, 5, 60), law:quantile(0.5)
    local near = pg.linspace(middle - 6, middle + 6, 201)
    local counts = x:sort(1):searchsorted(pg.concatenate { near, far }):cast "f64"
    return { log_mean = logs:mean(), log_var = variance, log_mean_se = math.sqrt(variance / p.n), log_var_se = log_q:std() / math.sqrt(p.n), below = x:lt(0):mean(),
      root = x:abs():sqrt():mean(), ks = ks, quantile = quantile, density = law:log_density(quantile):exp(), lower = law:cdf(quantile), upper = law:upper(quantile),
      near = near, curve = law:log_density(near):exp(), drawn = (counts:narrow(1, 2, 200) - counts:narrow(1, 1, 200)) / (p.n * 12 / 200),
      far = far, tail = law:upper(far), survivors = 1 - counts:narrow(1, 202, 60) / p.n }
  end,

  report = function(rows, out)
    local density = { xlabel = "$x$", ylabel = "density" }
    local tail = { xlabel = "$x$", ylabel = "$P(X > x)$", log = "xy", yrange = { 1e-7, 1 } }
    local lines, table_rows = { { "alpha beta p", "x", "density", "P(X < x)", "P(X > x)" } }, {}
    for p, part in rows:each() do
      local group = ("α = %g, β = %g"):format(p.alpha, p.beta)
      local x, centres = part.near[1], part.near[1]:narrow(1, 1, 200) + (part.near[1][2] - part.near[1][1]) / 2
      density[#density + 1] = pg.plot.line { x = x, y = part.curve[1], label = group .. ", form " .. p.form, group = group }
      density[#density + 1] = pg.plot.scatter { x = centres[{ { 1, 200, 8 } }], y = part.drawn[1][{ { 1, 200, 8 } }], group = group }
      local constant = (1 + p.beta) / math.pi * math.exp(pg.lgamma(p.alpha)) * math.sin(math.pi * p.alpha / 2)
      local shown = part.tail[1]:gt(1e-7)
      tail[#tail + 1] = pg.plot.line { x = part.far[1][shown], y = part.tail[1][shown], group = group }
      tail[#tail + 1] = pg.plot.line { x = part.far[1][shown], y = constant * part.far[1][shown] ^ -p.alpha, group = group, dash = "dotted" }
      local seen = part.survivors[1]:gt(10 / p.n)
      tail[#tail + 1] = pg.plot.scatter { x = part.far[1][seen], y = part.survivors[1][seen], group = group }
      local function all(v) return pg.full({ probabilities:size() }, v) end
      local block = pg.stack({ all(p.alpha), all(p.beta), probabilities, part.quantile[1], part.density[1], part.lower[1], part.upper[1] }, 2)
      table_rows[#table_rows + 1] = block
      for _, v in ipairs(block:tolist()) do lines[#lines + 1] = { ("%g %g %.6g"):format(v[1], v[2], v[3]), ("%.10g"):format(v[4]), ("%.9e"):format(v[5]), ("%.9e"):format(v[6]), ("%.9e"):format(v[7]) } end
    end
    pg.save(out.dir .. "/table.csv", pg.concatenate(table_rows), { "alpha", "beta", "p", "x", "density", "lower", "upper" })
    out:columns(lines)
    out:table(rows, { "alpha", "beta", "form", "log_mean", "log_var", "below", "root", "ks" })
    out:panels { file = "stable", density, tail }
  end,

  check = function(rows, claim)
    for _, v in ipairs { { 1.5, 0, 0, .2873527515, .5 }, { 1.5, 0, 1, .2020381596, .7563420244 }, { 1.5, .5, 1, .1415135707, .7967806891 },
                         { 1.8, -.7, -2, .0837269613, .0903097091 }, { .7, .3, .5, .3675143537, .4311440308 }, { 1.2, 1, 0, .0562647249, .8333333333 } } do
      local law, at = stable(v[1], v[2]), (" at %g, alpha %g, beta %g"):format(v[3], v[1], v[2])
      claim:near("density" .. at, math.exp(law:log_density(v[3])), v[4], { abs = 1e-8 })
      claim:near("distribution function" .. at, law:cdf(v[3]), v[5], { abs = 1e-8 })
    end
    for _, v in ipairs { { 1.5, .75, .96893318 }, { 1.5, .95, 3.05194097 }, { 1.5, .99, 7.73644621 }, { 1.8, .99, 4.27679225 } } do
      claim:near(("quantile %g, alpha %g"):format(v[2], v[1]), stable(v[1]):quantile(v[2]), v[3], { abs = 1e-8 })
    end
    claim:near("P(X > 100), alpha 1.5", stable(1.5):upper(100), 1.99790e-4, { abs = 1e-9, why = "the leading term is 1.99471e-4" })
    claim:near("Cauchy's density at 3", math.exp(stable(1):log_density(3)), 1 / (10 * math.pi), { rel = 1e-10 })
    claim:near("the normal density of variance 2 at 3", math.exp(stable(2):log_density(3)), math.exp(-9 / 4) / math.sqrt(4 * math.pi), { rel = 1e-10 })
    claim:near("Levy's density at 0.2", math.exp(stable(0.5, 1):log_density(0.2)), math.exp(-2.5) / math.sqrt(2 * math.pi * 0.2 ^ 3), { rel = 1e-10 })
    for p, part in rows:each() do
      local name = (", alpha %g, beta %g"):format(p.alpha, p.beta)
      claim:above("p-value of Kolmogorov's test" .. name, part.ks[1], 1e-3)
      if p.beta == 0 then
        claim:near("mean of log|X|" .. name, part.log_mean[1], euler * (1 / p.alpha - 1), { abs = 4 * part.log_mean_se[1], why = "4 standard errors" })
        claim:near("variance of log|X|" .. name, part.log_var[1], math.pi ^ 2 / 6 * (1 / p.alpha ^ 2 + 0.5), { abs = 4 * part.log_var_se[1], why = "4 standard errors" })
        if p.alpha == 1.5 then claim:near("E|X|^(1/2)" .. name, part.root[1], moment(p.alpha, 0.5), { rel = 0.01, why = "1.0804298" }) end
      end
      if p.alpha == 1.7 and p.beta == 0.5 and p.form == "s1" then claim:near("P(X < 0)" .. name, part.below[1], .546708, { abs = 0.002 }) end
    end
  end,
}
