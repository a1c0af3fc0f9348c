-- process/ou.lua: the Ornstein-Uhlenbeck process by its exact law of transition, however far apart the times are.
--
--     dX = -theta (X - mean) dt + sigma dW,   X(t + h) = mean + e^(-theta h) (X(t) - mean) + noise of covariance C(h)
-- For a number theta, or one a coordinate, C(h) = sigma^2 (1 - e^(-2 theta h)) / (2 theta), and sigma^2 h for theta = 0 (Brownian motion).
-- For a matrix, C(h) = int_0^h e^(-theta s) S S' e^(-theta' s) ds is the upper right block of the exponential of
-- [-theta, S S'; 0, theta'] h, times e^(-theta' h): Van Loan (1978), IEEE Trans. Automat. Control 23.
local pg = require "perigee"
local check = require "perigee.process.check"

-- e^(-theta h) and the deviation of the noise, elementwise. theta: a tensor.
local function diagonal(theta, sigma, h)
  local x = 2 * theta * h
  local mean_variance = pg.where(x:eq(0), 1, -(-x):expm1() / pg.where(x:eq(0), 1, x))          -- (1 - e^-x) / x
  return (-theta * h):exp(), sigma * (h * mean_variance):sqrt()
end

-- The same for matrices: the transition, and a factor of the covariance.
local function full(A, Q, h)
  local d = A:dim(1)
  local zero = pg.zeros { d, d }
  local E = pg.linalg.expm(h * pg.concatenate({ pg.concatenate({ -A, Q }, 2), pg.concatenate({ zero, A:transpose(1, 2) }, 2) }, 1))
  local P = E[{ { 1, d }, { 1, d } }]
  local C = E[{ { 1, d }, { d + 1, 2 * d } }]:mm(P:transpose(1, 2))
  return P, pg.linalg.cholesky((C + C:transpose(1, 2)) / 2)
end

-- A factor of the stationary covariance: theta C + C theta' = Q, as one system for the entries of C.
local function stationary(A, Q)
  local d = A:dim(1)
  local I = pg.eye(d)
  local K = (A:reshape { d, 1, d, 1 } * I:reshape { 1, d, 1, d } + I:reshape { d, 1, d, 1 } * A:reshape { 1, d, 1, d }):reshape { d * d, d * d }
  local C = pg.linalg.solve(K, Q:reshape { d * d, 1 }):reshape { d, d }
  return pg.linalg.cholesky((C + C:transpose(1, 2)) / 2)
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
  local rows, gaps, n = check.rows(who, rng), check.gaps(who, dims[1], opt), dims[1]
  local theta = pg.is_tensor(opt.theta) and opt.theta or pg.tensor(opt.theta + 0.0)
  if not theta:isfinite():all() then error(who .. ": theta must be finite", 2) end
  local Q = theta:ndim() == 2 and matrix(who, theta, dims[2] or 0, sigma)
  if Q and (#dims ~= 2) then error(who .. ": a matrix theta needs dims { n, d }", 2) end
  if not Q and theta:min() < 0 then error(("%s: rates must not be negative, got %.14g"):format(who, theta:min()), 2) end

  local z = rng:normal(dims)                                       -- (R, n, ...) of a block
  if #rows > 0 then z = z:transpose(1, 2) end
  local function spread(factor, v) -- the factor times each path's vector, or coordinate by coordinate
    if not Q then return factor * v end
    return v:ndim() == 1 and factor:mv(v) or v:mm(factor:transpose(1, 2))
  end
  local x
  if start == "stationary" then
    if not Q and theta:min() <= 0 then error(who .. ": without positive rates there is no stationary law; give a start", 2) end
    local made, factor = true, not Q and sigma / (2 * theta):sqrt()
    if Q then made, factor = pcall(stationary, theta, Q) end
    if not made then error(who .. ": theta leaves no stationary law of full rank (its eigenvalues need positive real parts); give a start", 2) end
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
