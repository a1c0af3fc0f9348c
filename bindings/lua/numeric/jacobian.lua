-- numeric/jacobian.lua: the Jacobian that numeric.fit and numeric.solve take when none is given.
--
-- ad.jacobian goes backwards once for each residual. Where there are more residuals than variables, J^T u, one gradient, is recorded as a
-- function of u, in which it is linear, and that is gone through backwards once for each variable. It takes second derivatives of the
-- primitives; what has none falls back to the first way.
local pg = require "perigee"
local ad = pg.ad

--- J (m, n) of r, a function of theta with m elements, at theta with n.
return function(r, theta)
  local y = r(theta)
  local m, n = pg.is_tensor(y) and y:size() or 1, theta:size()
  if m > n then
    local function transposed(u)
      return ad.grad(function(w) return (r(w):flatten() * u):sum() end)(theta)
    end
    local ok, J = pcall(ad.jacobian, transposed, pg.zeros { m })
    if ok then return J:reshape { n, m }:t() end
  end
  return ad.jacobian(r, theta)
end
