-- linalg_oracle_test.lua: factorisations against NumPy, where it is installed; stacks, rectangles, nearly singular matrices.
local pg = require "perigee"
local linalg = pg.linalg

local code = [[
import numpy as np, sys
base = sys.argv[1]
z = np.load(base + ".npz")
a, s, d, b, bad = z["a"], z["s"], z["d"], z["b"], z["bad"]
u, w, vt = np.linalg.svd(a, full_matrices=False)
q, r = np.linalg.qr(a)
sign, logdet = np.linalg.slogdet(s)
values, vectors = np.linalg.eigh(s)
x = np.linalg.lstsq(bad, b, rcond=None)
np.savez(base + ".out.npz", w=w, u=np.abs(u), vt=np.abs(vt), q=q, r=r, sign=sign, logdet=logdet, values=values, vectors=np.abs(vectors),
         cholesky=np.linalg.cholesky(d), pinv=np.linalg.pinv(a), rank=np.linalg.matrix_rank(np.stack([bad.T @ bad, np.eye(6)])),
         x=x[0], s=x[3], nuclear=np.linalg.norm(bad, "nuc"), one=np.linalg.norm(bad, 1), two=np.linalg.norm(bad, 2), rows=np.linalg.norm(bad, np.inf))
]]

local function in_numpy(arrays)
  local base = os.tmpname()
  os.remove(base)
  pg.save(base .. ".npz", arrays)
  local script = assert(io.open(base .. ".py", "w"))
  script:write(code)
  script:close()
  local pipe = io.popen(("/usr/bin/python3 %s.py %s 2>&1"):format(base, base))
  local said = pipe:read "a"
  local ok = pipe:close()
  local result = ok and pg.load(base .. ".out.npz") or nil
  for _, ending in ipairs { ".npz", ".py", ".out.npz" } do os.remove(base .. ending) end
  if not ok and not (said:find "No module named" or said:find "not found") then error(said) end
  return result
end

test("factorisations agree with NumPy's", function(t)
  local rng = pg.rng(31)
  local a, g, b = rng:normal { 3, 7, 5 }, rng:normal { 2, 6, 6 }, rng:normal { 9, 2 }
  local s, d = (g + g:transpose(2, 3)) / 2, g:bmm(g:transpose(2, 3)) + 0.1 * pg.eye(6)
  local bad = rng:normal { 9, 4 }:mm(rng:normal { 4, 6 }) -- rank 4
  local z = in_numpy { a = a, s = s, d = d, b = b, bad = bad }
  if not z then t.skip "NumPy cannot be imported" end
  local u, w, vt = linalg.svd(a)
  t.near(w, z.w, 1e-13)
  t.near(u:abs(), z.u, 1e-12)
  t.near(vt:abs(), z.vt, 1e-12)
  local q, r = linalg.qr(a)
  t.near(q, z.q, 1e-13)
  t.near(r, z.r, 1e-13)
  local sign, logarithm = linalg.slogdet(s)
  t.near(sign, z.sign, 0)
  t.near(logarithm, z.logdet, 1e-12)
  local values, vectors = linalg.eigh(s)
  t.near(values, z.values, 1e-13)
  t.near(vectors:abs(), z.vectors, 1e-12)
  t.near(linalg.cholesky(d), z.cholesky, 1e-13)
  t.near(linalg.pinv(a), z.pinv, 1e-12)
  t.equal(linalg.rank(pg.stack { bad:t():mm(bad), pg.eye(6) }):tolist(), z.rank:tolist())
  local x, singular = linalg.lstsq(bad, b)
  t.near(x, z.x, 1e-12)
  t.near(singular, z.s, 1e-12)
  t.near(linalg.norm(bad, "nuclear"), z.nuclear:item(), 1e-12)
  t.near(linalg.norm(bad, 1), z.one:item(), 1e-13)
  t.near(linalg.norm(bad, 2), z.two:item(), 1e-12)
  t.near(linalg.norm(bad, math.huge), z.rows:item(), 1e-13)
end)
