-- process/ou.lua: the Ornstein-Uhlenbeck process by its exact law of transition, however far apart the times are.
--
--     dX = -theta (X - mean) dt + sigma dW,   X(t + h) = mean + e^(-theta h) (X(t) - mean) + noise of covariance C(h)
-- For a number theta, or one a coordinate, C(h) = sigma^2 (1 - e^(-2 theta h)) / (2 theta), and sigma^2 h for theta = 0 (Brownian motion).
-- For a matrix, C(h) = int_0^h e^(-theta s) S S' e^(-theta' s) ds, by its Taylor series over so short a time that |theta| h <= 1/2, then doubled:
-- C(2h) = C(h) + P C(h) P', P = e^(-theta h). Only positive parts are added, so stiff matrices lose no digits (the block exponential of
-- Van Loan would subtract e^(+theta h)); without end, the same doubling gives the stationary covariance.
local pg = require "perigee"
local check = require "perigee.process.check"

-- e^(-theta h) and the deviation of the noise, elementwise. theta: a tensor.
local function diagonal(theta, sigma, h)
  local x = 2 * theta * h
  local mean_variance = pg.where(x:eq(0), 1, -(-x):expm1() / pg.where(x:eq(0), 1, x))          -- (1 - e^-x) / x
  return (-theta * h):exp(), sigma * (h * mean_variance):sqrt()
end

local function symmetric(C) return (C + C:transpose(1, 2)) / 2 end

-- e^(-A h) and C(h) for |A| h <= 1/2.
local function short(A, Q, h)
  local P, C, p, q = pg.eye(A:dim(1)), h * Q, pg.eye(A:dim(1)), h * Q
  for k = 1, 24 do                                                  -- terms fall like 1/k!
    p = -h / k * A:mm(p)
    q = -h / (k + 1) * (A:mm(q) + q:mm(A:transpose(1, 2)))
    P, C = P + p, C + q
  end
  return P, symmetric(C)
end

local function doubled(P, C) return P:mm(P), symmetric(C + P:mm(C):mm(P:transpose(1, 2))) end

-- L with L L' = C, also where C has not full rank.
local function factor_of(C)
  local full_rank, L = pcall(pg.linalg.cholesky, C)
  if full_rank then return L end
  local values, vectors = pg.linalg.eigh(C)
  return vectors * pg.maximum(values, 0):sqrt()
end

local function largest_row(A) return A:abs():sum(2):max() end

-- The same as `diagonal` for matrices: the transition, and a factor of the covariance.
local function full(A, Q, h)
  local doublings = math.max(0, math.ceil(math.log(2 * math.max(largest_row(A) * h, 1e-300), 2)))
  local P, C = short(A, Q, h / 2 ^ doublings)
  for _ = 1, doublings do P, C = doubled(P, C) end
  return P, factor_of(C)
end

-- A factor of the stationary covariance, or nil if there is none: the transition does not die out.
local function stationary(A, Q)
  local P, C = short(A, Q, 0.5 / math.max(largest_row(A), 1e-300))
  for _ = 1, 100 do
    P, C = doubled(P, C)
    local left = P:abs():max()
    if not (left < 1e100) then return nil end
    if left < 1e-17 then return factor_of(C) end
  end
end

local function matrix(who, theta, d, sigma)
  if theta:dim(1) ~= theta:dim(2) or theta:dim(1) ~= d then
    error(("%s: theta has shape %s for %d coordinates"):format(who, check.shape(theta), d), 3)
  end
  local S = pg.is_tensor(sigma) and sigma or sigma * pg.eye(d)
  if S:ndim() ~= 2 or S:dim(1) ~= d then error(("%s: sigma has shape %s for %d coordinates; give a number or a matrix (%d, k)"):format(who, check.shape(S), d, d), 3) end
  return S:mm(S:transpose(1, 2))
end

--- Ornstein-Uhlenbeck paths at 0, dt, ..., (n - 1) dt or at given increasing times, the first point being the start: (n, ...) for dims { n, ... }
-- and a stream, (n, R, ...) for a block of R. theta, mean and sigma: numbers or tensors that broadcast over the coordinates; theta a matrix
-- (d, d) for dims { n, d } and sigma then a number or a matrix (d, k). start: "stationary" (all rates positive), a number or a tensor.
return function(rng, dims, opt)
  local who = "process.ou"
  opt = pg.options(who, opt, { theta = pg.required, mean = pg.optional, sigma = pg.optional, dt = 1.0, times = pg.optional, start = pg.optional })
  local mean, sigma, start = opt.mean or 0, opt.sigma or 1, opt.start == nil and "stationary" or opt.start
  if type(dims) ~= "table" or math.type(dims[1]) ~= "integer" or dims[1] < 1 then error(who .. ": dims must be { n, ... } with n >= 1", 2) end
  check.positive(who, "dt", opt.dt)
  local gaps, n = check.gaps(who, dims[1], opt), dims[1]
  check.rows(who, rng)
  local theta = pg.is_tensor(opt.theta) and opt.theta or pg.tensor(opt.theta):cast "f64"
  if not pg.isfinite(pg.tensor(0.0) + sigma):all() then error(who .. ": sigma must be finite", 2) end
  if type(sigma) == "number" and sigma < 0 then error(("%s: sigma must not be negative, got %g"):format(who, sigma), 2) end
  if not theta:isfinite():all() then error(who .. ": theta must be finite", 2) end
  local Q = theta:ndim() == 2 and matrix(who, theta, dims[2] or 0, sigma)
  if Q and (#dims ~= 2) then error(who .. ": a matrix theta needs dims { n, d }", 2) end
  if not Q and theta:min() < 0 then error(("%s: rates must not be negative, got %.14g"):format(who, theta:min()), 2) end

  local z = check.steps_first(n, table.move(dims, 2, #dims, 1, {}), function(shape) return rng:normal(shape) end)
  local function spread(factor, v) -- the factor times each path's vector, or coordinate by coordinate
    if not Q then return factor * v end
    return v:ndim() == 1 and factor:mv(v) or v:mm(factor:transpose(1, 2))
  end
  local x
  if start == "stationary" then
    if not Q and theta:min() <= 0 then error(who .. ": without positive rates there is no stationary law; give a start", 2) end
    local factor
    if Q then factor = stationary(theta, Q) else factor = sigma / (2 * theta):sqrt() end
    if not factor then error(who .. ": theta leaves no stationary law (its eigenvalues need positive real parts); give a start", 2) end
    x = mean + spread(factor, z[1])
  elseif type(start) == "string" then
    error(("%s: start must be \"stationary\", a number or a tensor, got \"%s\""):format(who, start), 2)
  else
    x = start + 0 * z[1]
  end
  local paths, known = { x }, {}
  for k = 2, n do
    local h = gaps[k - 1]
    known[h] = known[h] or { (Q and full or diagonal)(theta, Q or sigma, h) }
    local P, factor = known[h][1], known[h][2]
    local off = x - mean
    x = mean + spread(P, off) + spread(factor, z[k])
    paths[k] = x
  end
  return pg.stack(paths)
end
