-- linalg/krylov.lua: conjugate gradients, power iteration and Lanczos, over symmetric operators given as functions v -> A v.
--
-- Lanczos: with Q = (q_1 ... q_m) an orthonormal basis of span(q_1, A q_1, ..., A^(m-1) q_1),
--     A Q = Q T + beta_m q_(m+1) e_m',   T tridiagonal with alpha on its diagonal and beta beside it.
-- If T y = theta y, then (theta, Q y) is an approximate eigenpair with |A Q y - theta Q y| = beta_m |y_m|. In floating point the basis
-- loses its orthogonality and old eigenvalues come back as ghosts; here every new vector is orthogonalised against all before, twice.
-- Sources: Hestenes & Stiefel (1952); Lanczos (1950); Parlett, The symmetric eigenvalue problem (1998), chapters 11-13.
local pg = require "perigee"
local op = require "perigee.linalg.operator"

local krylov = {}

-- Conjugate gradients -----------------------------------------------------------------------------------------------------

-- From x with residual r until the residual that the recursion carries along is `enough`, or `left` steps are done. Returns x and steps.
local function descend(who, apply, precondition, x, r, enough, left)
  local z = precondition(r)
  local p, rz, k = z, op.dot(who, r, z), 0
  repeat
    local q = apply(p)
    local curvature = op.dot(who, p, q)
    k = k + 1
    if not (curvature > 0) then
      error(("%s: the operator is not positive definite (p' A p = %.3g at iteration %d)"):format(who, curvature, k), 0)
    end
    local step = rz / curvature
    x = x + step * p
    r = r - step * q
    local norm = op.norm(who, r)
    z = precondition(r)
    local before = rz
    rz = op.dot(who, r, z)
    if not (rz > 0 or norm == 0) then
      error(("%s: the preconditioner is not positive definite (r' M r = %.3g at iteration %d)"):format(who, rz, k), 0)
    end
    p = z + (rz / before) * p
  until norm <= enough or k >= left
  return x, k
end

--- x, info = cg(A, b[, { tol, max, x0, precondition }]): A x = b for positive definite A, until |b - A x| <= tol |b|.
-- precondition(r) approximates A^-1 r, symmetric positive definite. info = { iterations, residual (relative), converged }. The residual is
-- computed anew at the end, one more product: where rounding has parted it from the one carried along, the iteration starts again
-- from there, as long as that at least halves it.
local function cg(A, b, opt)
  local who = "linalg.cg"
  op.check_vector(who, "b", b)
  local apply, d = op.make(who, A, pg.is_tensor(A) and A:ndim() == 2 and A:dim(1) or b:dim(1))
  op.check_vector(who, "b", b, d)
  opt = pg.options(who, opt, { tol = 1e-10, max = 10 * d, x0 = pg.optional, precondition = pg.optional })
  op.check_count(who, "max", opt.max, 0)
  if not (opt.tol >= 0) then error(("%s: tol must be >= 0, got %g"):format(who, opt.tol), 0) end
  if opt.x0 then op.check_vector(who, "x0", opt.x0, d) end
  local size = op.norm(who, b)
  if not (size < math.huge) then error(who .. ": b holds NaN or infinity", 0) end
  if size == 0 then return 0 * b, { iterations = 0, residual = 0.0, converged = true } end
  local x = opt.x0 or 0 * b
  local r = opt.x0 and b - apply(x) or b
  local norm, k, before = op.norm(who, r), 0, math.huge
  while norm > opt.tol * size and k < opt.max and norm <= before / 2 do
    local steps
    x, steps = descend(who, apply, opt.precondition or function(v) return v end, x, r, math.max(opt.tol, 1e-15) * size, opt.max - k)
    k, before, r = k + steps, norm, b - apply(x)
    norm = op.norm(who, r)
  end
  return x, { iterations = k, residual = norm / size, converged = norm <= opt.tol * size }
end

-- Power iteration ---------------------------------------------------------------------------------------------------------

--- value, vector, info = power(A, d, { rng | start, tol, max, dtype }): the eigenvalue of largest absolute value and its unit vector, until
-- |A v - value v| <= tol |value|. Two values of nearly the same size, as lambda and -lambda, do not separate: info.converged is false.
local function power(A, d, opt)
  local who = "linalg.power"
  local apply
  apply, d = op.make(who, A, d)
  opt = pg.options(who, opt, { rng = pg.optional, start = pg.optional, tol = 1e-8, max = 1000, dtype = "f64" })
  op.check_count(who, "max", opt.max, 1)
  local v = op.start(who, opt, d)
  local k, value, residual = 0
  repeat
    k = k + 1
    local y = apply(v)
    value = op.dot(who, v, y)
    residual = op.norm(who, y - value * v)
    local norm = op.norm(who, y)
    local done = norm == 0 or residual <= opt.tol * math.abs(value)
    if not done and k < opt.max then v = y / norm end
  until done or k >= opt.max
  return value, v, { iterations = k, residual = residual, converged = residual <= opt.tol * math.abs(value) }
end

-- Lanczos -----------------------------------------------------------------------------------------------------------------

local Basis = {}
Basis.__index = Basis

local block_rows = 32

--- A growing Lanczos basis of at most `room` vectors, starting from the unit vector v. Its vectors are the rows of blocks, so that memory
-- grows with the steps taken.
function krylov.basis(who, apply, v, room)
  local epsilon = v:dtype() == "f32" and 2 ^ -23 or 2 ^ -52
  return setmetatable({ who = who, apply = apply, d = v:dim(1), room = math.min(room, v:dim(1)), dtype = v:dtype(), epsilon = epsilon,
    alpha = {}, beta = {}, scale = 0, m = 0, q = v, blocks = {} }, Basis)
end

local function append(self, q)
  local at = (self.m - 1) % block_rows + 1
  if at == 1 then self.blocks[#self.blocks + 1] = pg.zeros({ math.min(block_rows, self.room - self.m + 1), self.d }, self.dtype) end
  self.blocks[#self.blocks][at] = q
end

-- The filled rows of block i.
local function rows(self, i) return self.blocks[i]:narrow(1, 1, math.min(block_rows, self.m - (i - 1) * block_rows)) end

-- r without its components along the basis; a second pass removes what rounding left by the first.
local function orthogonal(self, r)
  for _ = 1, 2 do
    for i = 1, #self.blocks do
      local Q = rows(self, i)
      r = r - Q:t():mv(Q:mv(r))
    end
  end
  return r
end

--- One step. False if the space is invariant under A (or full): it cannot grow.
function Basis:step()
  if self.m == self.room or not self.q then return false end
  self.m = self.m + 1
  local m, q = self.m, self.q
  append(self, q)
  local r = self.apply(q)
  self.scale = math.max(self.scale, op.norm(self.who, r))
  self.alpha[m] = op.dot(self.who, q, r)
  r = orthogonal(self, r)
  local beta = op.norm(self.who, r)
  local invariant = beta <= 10 * self.epsilon * self.scale * math.sqrt(self.d)
  self.beta[m] = invariant and 0.0 or beta
  self.q = not invariant and r / beta or nil
  return true
end

--- Q y for each column of Y (m, k).
function Basis:combine(Y)
  local V = 0
  for i = 1, #self.blocks do
    local Q = rows(self, i)
    V = V + Q:t():mm(Y:narrow(1, (i - 1) * block_rows + 1, Q:dim(1)):cast(self.dtype))
  end
  return V
end

--- Ritz values, ascending, and the eigenvectors of T as columns.
function Basis:ritz()
  local T = pg.tensor(self.alpha, "f64"):diag()
  if self.m > 1 then
    local beside = pg.tensor(table.move(self.beta, 1, self.m - 1, 1, {}), "f64")
    T = T + beside:diag(1) + beside:diag(-1)
  end
  return pg.linalg.eigh(T)
end

-- Positions (from 1, in ascending order) of the k wanted Ritz values, in the order in which they are returned.
local order = {
  largest = function(_, m) return function(i) return m + 1 - i end end,
  smallest = function() return function(i) return i end end,
  magnitude = function(values, m)
    local at = {}
    for i = 1, m do at[i] = i end
    local v = values:tolist()
    table.sort(at, function(i, j) return math.abs(v[i]) > math.abs(v[j]) or (math.abs(v[i]) == math.abs(v[j]) and i > j) end)
    return function(i) return at[i] end
  end,
}

local function wanted(which, values, m, k)
  local position, at = order[which](values, m), {}
  for i = 1, math.min(k, m) do at[i] = position(i) end
  return pg.tensor(at, "i64")
end

--- values, vectors, info = lanczos(A, d, { k, rng | start, which, tol, steps, dtype }): k eigenvalues (k) of a symmetric operator at an end
-- of its spectrum and unit eigenvectors (d, k), until |A v - lambda v| <= tol max |lambda| for each. which: "largest" (descending),
-- "smallest" (ascending), "magnitude". At most `steps` products. Fewer than k come back if the space of the start vector has no more:
-- one start vector meets each eigenspace once, so a multiple eigenvalue may be returned once.
-- info = { steps, residuals (k), converged }.
local function lanczos(A, d, opt)
  local who = "linalg.lanczos"
  local apply
  apply, d = op.make(who, A, d)
  opt = pg.options(who, opt, { k = 1, rng = pg.optional, start = pg.optional, which = "largest", tol = 1e-8, steps = pg.optional, dtype = "f64" })
  op.check_count(who, "k", opt.k, 1)
  if opt.k > d then error(("%s: k must be at most the dimension %d, got %d"):format(who, d, opt.k), 0) end
  if not order[opt.which] then error(("%s: which must be 'largest', 'smallest' or 'magnitude', got '%s'"):format(who, opt.which), 0) end
  local steps = opt.steps or math.min(d, 10 * opt.k + 200)
  op.check_count(who, "steps", steps, opt.k)
  local basis = krylov.basis(who, apply, op.start(who, opt, d), steps)
  local values, Y, at, residuals, converged
  local next_look = math.min(steps, 2 * opt.k + 10)
  repeat
    local grown = basis:step()
    local finished = not grown or not basis.q or basis.m >= math.min(steps, d)
    if finished or basis.m >= next_look then
      values, Y = basis:ritz()
      at = wanted(opt.which, values, basis.m, opt.k)
      residuals = basis.beta[basis.m] * Y[-1]:gather(at):abs()
      converged = residuals:max() <= opt.tol * values:abs():max()
      next_look = basis.m + math.max(5, basis.m // 8)
    end
  until finished or converged
  return values:gather(at), basis:combine(Y:gather(at, 2)), { steps = basis.m, residuals = residuals, converged = converged }
end

krylov.cg, krylov.power, krylov.lanczos = op.public(cg), op.public(power), op.public(lanczos)
return krylov
