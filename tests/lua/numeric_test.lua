-- numeric_test.lua: special functions from Lua: gradients, broadcasting, numbers. What calls functions is in numeric_drivers_test.lua.
local pg = require "perigee"
local ad, numeric = pg.ad, pg.numeric

-- ---- special functions; their digits are tested in core/numeric/special_test.c ----

-- Gradient of first and second order in the operands that have one, by finite differences, over a broadcast.
local function differentiable(name, at, constant)
  local f = numeric[name] or pg[name]
  test(name .. " has its gradients", function()
    local variables = {}
    for i, x in ipairs(at) do variables[i] = pg.tensor(x) end
    local function value(w)
      local operands, k = {}, 1
      for i, x in ipairs(variables) do
        if constant and constant[i] then operands[i] = x
        else
          operands[i] = w:narrow(1, k, x:dim(1))
          k = k + x:dim(1)
        end
        if i == 2 then operands[i] = operands[i]:unsqueeze(2) end -- broadcasts against the others
      end
      return f(table.unpack(operands)):sin():sum() -- a curved function of it, so that second order sees both parts
    end
    local parts = {}
    for i, x in ipairs(variables) do if not (constant and constant[i]) then parts[#parts + 1] = x end end
    ad.check(value, pg.concatenate(parts), { directions = 2, seed = 3 })
  end)
end

differentiable("lgamma", { { 0.3, 2.5, -1.4 } })
differentiable("digamma", { { 0.6, 2.5, -1.4 } })
differentiable("polygamma", { { 1.9, 2.5, 4 }, { 0, 1, 2 } }, { false, true })
differentiable("erfcx", { { -0.5, 0.5, 3 } })
differentiable("log_normal_cdf", { { -5, -0.5, 1 } })
differentiable("log_normal_quantile", { { -7, -0.9, -0.3 } })
differentiable("log1m_exp", { { -3, -0.9, -0.3 } })
differentiable("lambert_w", { { -0.2, 0.1, 3 } })
differentiable("lambert_wm1", { { -0.3, -0.2, -0.1 } })
differentiable("expint_e1", { { 0.3, 1, 3 } })
differentiable("log_beta", { { 0.7, 2 }, { 0.8, 3, 5 } })
differentiable("gamma_p", { { 0.7, 2 }, { 0.8, 3, 5 } }, { true })
differentiable("gamma_q", { { 0.7, 2 }, { 0.8, 3, 5 } }, { true })
differentiable("log_gamma_p", { { 0.7, 2 }, { 0.8, 3, 5 } }, { true })
differentiable("log_gamma_q", { { 0.7, 2 }, { 0.8, 3, 5 } }, { true })
differentiable("gamma_p_inverse", { { 0.7, 2 }, { 0.3, 0.5, 0.8 } }, { true })
differentiable("gamma_q_inverse", { { 0.7, 2 }, { 0.3, 0.5, 0.8 } }, { true })
differentiable("gamma_log_density", { { 0.7, 2 }, { 0.8, 3, 5 } })
differentiable("hurwitz_zeta", { { 1.7, 3 }, { 0.8, 3, 5 } }, { true })
differentiable("polylog", { { -0.4, 0.5, 2 }, { -0.8, 0.3, 0.61 } }, { true })
differentiable("log_add_exp", { { 0.7, 2 }, { 0.8, 3, 5 } })
differentiable("log_diff_exp", { { 6, 7 }, { 0.8, 3, 5 } })
differentiable("log_normal_interval", { { -0.7, -2 }, { 0.8, 2, 3 } })
differentiable("bessel_ie", { { 0, 1.5 }, { 0.8, 3, 5 } }, { true })
differentiable("bessel_ke", { { 0, 1.5 }, { 0.8, 3, 5 } }, { true })
differentiable("beta_p", { { 0.7, 2 }, { 0.8, 3, 5 }, { 0.3, 0.6 } }, { true, true })
differentiable("beta_q", { { 0.7, 2 }, { 0.8, 3, 5 }, { 0.3, 0.6 } }, { true, true })
differentiable("log_beta_p", { { 0.7, 2 }, { 0.8, 3, 5 }, { 0.3, 0.6 } }, { true, true })
differentiable("log_beta_q", { { 0.7, 2 }, { 0.8, 3, 5 }, { 0.3, 0.6 } }, { true, true })
differentiable("beta_p_inverse", { { 0.7, 2 }, { 0.8, 3, 5 }, { 0.3, 0.6 } }, { true, true })
differentiable("beta_q_inverse", { { 0.7, 2 }, { 0.8, 3, 5 }, { 0.3, 0.6 } }, { true, true })
differentiable("beta_log_density", { { 0.7, 2 }, { 0.8, 3, 5 }, { 0.3, 0.6 } })

test("a parameter without gradient is refused, not taken as constant", function(t)
  t.fails(function() ad.grad(function(a) return numeric.gamma_p(a, 2):sum() end)(pg.tensor { 1, 2 }) end, "numeric.gamma_p: there is no gradient in a; ad.stop%(a%)")
  t.fails(function() ad.grad(function(n) return pg.polygamma(2, n):sum() end)(pg.tensor { 1, 2 }) end, "tensor.polygamma: there is no gradient in the order n")
  t.fails(function() ad.grad(function(s) return numeric.zeta(s):sum() end)(pg.tensor { 3, 4 }) end, "numeric.zeta has no gradient rule")
end)

test("the gradient of polylog at 0 is 1", function(t)
  t.equal(ad.grad(function(x) return numeric.polylog(-1.4, x):sum() end)(pg.tensor { 0, 0 }), { 1, 1 })
end)

test("the tail of the normal law has its gradient where the density underflows", function(t)
  local g = ad.grad(function(x) return numeric.log_normal_cdf(x):sum() end)(pg.tensor { -50, -1e5 })
  t.near(g, { 50.0199840319, 1e5 + 1e-5 }, 2e-9) -- -x (1 + 1/x^2 - 2/x^4 + 10/x^6 - ...) at -50: 50 + 0.02 - 0.000016 + 0.000000032 - ...
end)

test("special functions take numbers, strides, single precision and examples", function(t)
  t.near(numeric.gamma_q(0.5, 2), 1 - pg.erf(math.sqrt(2)), 1e-16)
  local x = pg.tensor({ { 1, 2, 3 }, { 4, 5, 6 } })
  local turned = numeric.log_normal_cdf(x:t())
  for i = 1, 3 do for j = 1, 2 do t.equal(turned[{ i, j }], numeric.log_normal_cdf(x[{ j, i }])) end end
  local narrow = numeric.lambert_w(pg.tensor({ 1, 10 }, "f32"))
  t.equal(narrow:dtype(), "f32")
  t.near(narrow, numeric.lambert_w(pg.tensor { 1, 10 }), 1e-7)
  local long = pg.linspace(0.01, 20, 5000)
  local whole = numeric.gamma_p(2.5, long)
  for _, k in ipairs { 1, 1024, 1025, 4999 } do t.equal(whole[k], numeric.gamma_p(2.5, long[k]), "element %d", k) end
  local each = ad.per_example(function(w, z) return numeric.log_normal_cdf(w * z) end)(pg.tensor { 0.5 }, pg.tensor { -2, 1 })
  local h = function(z) return z * math.exp(-z * z / 8 - numeric.log_normal_cdf(z / 2)) / math.sqrt(2 * math.pi) end
  t.near(each:reshape(2), { h(-2), h(1) }, 1e-15)
end)
