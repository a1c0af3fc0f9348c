-- plot/label.lua: from a label as a person writes it to a gnuplot string.
--
-- A label is plain text, shown as written. Between two dollar signs it is mathematics: `_x`, `^{...}` set sub-
-- and superscripts and \mu, \le, \nabla ... are replaced by their characters:  "gap $f(x_k) - f^*$".
-- A dollar sign itself is written \$; a single one without a partner is shown as it is.
--
-- gnuplot's enhanced text gives meaning to  _ ^ { } @ & ~ \  ; all of them are protected outside dollars. The
-- result is single-quoted, because gnuplot runs `commands` found in double-quoted strings.

local label = {}

local symbols = {
  alpha = "α", beta = "β", gamma = "γ", delta = "δ", epsilon = "ε", zeta = "ζ", eta = "η", theta = "θ",
  iota = "ι", kappa = "κ", lambda = "λ", mu = "μ", nu = "ν", xi = "ξ", pi = "π", rho = "ρ", sigma = "σ",
  tau = "τ", phi = "φ", chi = "χ", psi = "ψ", omega = "ω", varepsilon = "ε", varphi = "φ",
  Gamma = "Γ", Delta = "Δ", Theta = "Θ", Lambda = "Λ", Xi = "Ξ", Pi = "Π", Sigma = "Σ", Phi = "Φ", Psi = "Ψ",
  Omega = "Ω", nabla = "∇", partial = "∂", infty = "∞", ell = "ℓ", sqrt = "√", sum = "Σ", int = "∫",
  le = "≤", leq = "≤", ge = "≥", geq = "≥", ne = "≠", neq = "≠", approx = "≈", sim = "∼", propto = "∝",
  times = "×", cdot = "·", pm = "±", to = "→", ["in"] = "∈", star = "⋆", prime = "′", dots = "…", ldots = "…",
  langle = "⟨", rangle = "⟩", Vert = "‖", E = "𝔼", P = "ℙ",
}

local function clean(text)
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end      -- broken UTF-8 would stop the renderer
  return (text:gsub("[%z\1-\9\11-\31\127]", " "))                         -- every control byte but newline
end

local function plain(text) return (text:gsub("[_^{}@&~\\]", "\\%0")) end

-- Braces that do not pair would swallow the rest of the figure's text, so such a formula is shown as it is.
local function balanced(text)
  local depth = 0
  for c in text:gmatch "[{}]" do
    depth = depth + (c == "{" and 1 or -1)
    if depth < 0 then return false end
  end
  return depth == 0
end

local function symbol(name) return symbols[name] or "\\" .. name end

local function formula(text)
  if not balanced(text) then return nil end
  text = text:gsub("\\(%a+)", symbol)
  text = text:gsub("%-", "−"):gsub("[@&~]", "\\%0")
  return (text:gsub("%*", "∗"))
end

-- Splits at dollar signs and treats the odd pieces as mathematics. `out` maps the two kinds of text.
local function convert(text, literal, math_text)
  local escaped = text:gsub("\\%$", "\1")
  local parts, count = {}, select(2, escaped:gsub("%$", ""))
  if count % 2 == 1 then return literal((text:gsub("\\%$", "$"))) end
  local inside = false
  for piece in (escaped .. "$"):gmatch "([^$]*)%$" do
    piece = piece:gsub("\1", "$")
    parts[#parts + 1] = inside and math_text(piece) or literal(piece)
    inside = not inside
  end
  return table.concat(parts)
end

--- The label in gnuplot's enhanced notation, without quotes.
function label.enhanced(text)
  return convert(clean(tostring(text)), plain, function(s) return formula(s) or plain("$" .. s .. "$") end)
end

--- A single-quoted gnuplot string expression; line breaks become `."\n".`.
function label.quote(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = "'" .. line:gsub("'", "''") .. "'" end
  return table.concat(lines, [[."\n".]])
end

--- The label as a gnuplot string expression ready to be written into the script.
function label.gnuplot(text) return label.quote(label.enhanced(text)) end

local superscripts = { ["−"] = "⁻", ["0"] = "⁰", ["1"] = "¹", ["2"] = "²", ["3"] = "³", ["4"] = "⁴", ["5"] = "⁵", ["6"] = "⁶",
                       ["7"] = "⁷", ["8"] = "⁸", ["9"] = "⁹" }

-- Integer powers get superscript digits: ^{−12} is ⁻¹².
local function raised(sign, digits) return (superscripts[sign] or "") .. digits:gsub("%d", superscripts) end

--- The label for a terminal: mathematics with its symbols but without braces.
function label.plain(text)
  local function terse(s)
    s = (formula(s) or s):gsub("%^{(−)(%d+)}", raised):gsub("%^{()(%d+)}", raised):gsub("%^()(%d)", raised)
    return (s:gsub("[{}]", ""):gsub("\\(.)", "%1"))
  end
  return (convert(clean(tostring(text)), function(s) return s end, terse):gsub("\n", " "))
end

--- Width of the label in characters, as good as needed to reserve room for a legend.
function label.width(text)
  local widest = 0
  for line in (label.plain(text):gsub("[_^]", "") .. "\n"):gmatch "([^\n]*)\n" do
    widest = math.max(widest, utf8.len(line) or #line)
  end
  return widest
end

return label
