-- numeric.lua: what the numeric module offers beyond its C core: laws of one variable.
local laws = require "perigee.numeric.laws"

local numeric = {}

--- A continuous law by the name and parameters of its sampler: numeric.law("gamma", shape, scale), ("inverse_gaussian", mean, shape), ...
-- law:log_density(x), law:cdf(x), law:upper(x) = 1 - cdf(x) with its own digits, law:quantile(p), law:upper_quantile(q), law:mean(), law:variance(),
-- law:draw(rng[, dims]), law:kolmogorov(sample) -> sqrt(n) sup |F_n - F| and its p-value. Arguments are numbers or tensors; results are differentiable where numeric's functions are, quantiles of
-- inverse_gaussian and the log density of stable laws excepted.
function numeric.law(name, ...) return laws.new(name, ...) end

return numeric
