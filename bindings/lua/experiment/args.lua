-- experiment/args.lua: the command line of an experiment, `--quick --seeds 8 --H 0.1,0.3 --jobs 2`.
--
-- Each parameter is an option of its name. - and _ are the same, `--name=value` is `--name value`, switches have --no-x.
-- A parameter whose default is a list takes the list whole; of others, several values sweep.
local nearest = require "perigee.nearest"
local params = require "perigee.experiment.params"
local failure = require "perigee.experiment.failure"

local args = {}

-- Options that every experiment has: name, what its value is (none: a switch), meaning.
args.common = {
  { "quick", nil, "the small scale of the tests, seconds" },
  { "full", nil, "the scale of the paper" },
  { "seed", "integer", "of the root stream; same seed, same bytes", show = "N" },
  { "seeds", "integer", "number of replicas", show = "N" },
  { "jobs", "integer", "workers; 0: one for each core", show = "N" },
  { "out", "string", "results go to DIR/NAME/", show = "DIR" },
  { "format", "string", "of figures: svg, png, pdf, or several: png,pdf", show = "LIST" },
  { "resume", nil, "continue a run that was cut; the same bytes as if it had not been" },
  { "check", nil, "hold the results to the paper's claims; exit status 1 if one fails" },
  { "report", nil, "report, and check, from stored results without computing" },
  { "stop_nonfinite", nil, "stop at the first NaN or infinity, and say which primitive and step made it" },
  { "help", nil, "this text" },
}

local function fold(name) return (name:gsub("-", "_")) end
local function dashed(name) return "--" .. name:gsub("_", "-") end

-- Everything that may follow --, by folded name: { name, kind, element =, negated =, common = }.
local function vocabulary(spec)
  local known = {}
  for name, default in pairs(spec.params) do
    local kind, element = params.kind(default)
    known[fold(name)] = { name = name, kind = kind, element = element }
    if kind == "boolean" then known["no_" .. fold(name)] = { name = name, kind = kind, negated = true } end
  end
  for _, option in ipairs(args.common) do
    known[option[1]] = { name = option[1], kind = option[2] or "switch", common = true }
  end
  return known
end

local function unknown(who, name, known)
  local names = {}
  for key in pairs(known) do names[#names + 1] = key end
  table.sort(names)
  local guess = nearest(name, names)
  if guess then failure.raise(failure.USAGE, "%s: unknown option --%s (did you mean %s?)", who, name, dashed(guess)) end
  for i, key in ipairs(names) do names[i] = dashed(key) end
  failure.raise(failure.USAGE, "%s: unknown option --%s (options: %s)", who, name, table.concat(names, " "))
end

local function refusal(who, option)
  return function(format, ...)
    failure.raise(failure.USAGE, "%s: %s " .. format, who, dashed(option.name), ...)
  end
end

-- The values of an option that is written as `text` (nil: nothing followed an =).
local function values(who, option, text)
  local refuse = refusal(who, option)
  if option.kind == "list" then return { params.parse(option.element, text, refuse) } end
  if option.kind == "boolean" or not option.common then return params.parse(option.kind, text, refuse) end
  if option.kind == "string" then return { text } end
  local list = params.parse(option.kind, text, refuse)
  if #list > 1 then refuse("takes one value, got %q", text) end
  return list
end

local function formats(who, text)
  local list = {}
  for word in text:gmatch "[^,]+" do
    if word ~= "svg" and word ~= "png" and word ~= "pdf" then
      failure.raise(failure.USAGE, "%s: --format must be of svg, png, pdf, got %q", who, word)
    end
    list[#list + 1] = word
  end
  return #list > 0 and list or { "svg" }
end

local function finish(who, settings)
  if settings.quick and settings.full then failure.raise(failure.USAGE, "%s: --quick and --full exclude each other", who) end
  local function least(name, low)
    if settings[name] and settings[name] < low then
      failure.raise(failure.USAGE, "%s: --%s must be at least %d, got %d", who, name, low, settings[name])
    end
  end
  least("seeds", 1)
  least("jobs", 0)
  settings.scale = settings.quick and "quick" or settings.full and "full" or "default"
  settings.format = formats(who, settings.format or "svg")
  return settings
end

--- Settings from a list of command-line words: { scale, seed, seeds, jobs, out, format = { "svg" }, check, report, help,
-- given = { name = list of values } }; what was not given is nil. Errors are usage failures.
function args.parse(spec, words)
  local who, known, settings = spec.name, vocabulary(spec), { given = {} }
  local i = 1
  while i <= #words do
    local name, text = words[i]:match "^%-%-([^=]+)=?(.*)$"
    if words[i] == "-h" then name = "help" end
    if not name then failure.raise(failure.USAGE, "%s: unexpected argument %q; options start with --", who, words[i]) end
    local option = known[fold(name)] or unknown(who, name, known)
    local inline = words[i]:find("=", 1, true) ~= nil
    if option.kind == "switch" or option.negated then
      if inline then failure.raise(failure.USAGE, "%s: --%s takes no value, got %q", who, name, text) end
      if option.negated then settings.given[option.name] = { false } else settings[option.name] = true end
    else
      if option.kind == "boolean" and not inline then
        text = "true"
      elseif not inline then
        i = i + 1
        text = words[i]
        if not text or text:match "^%-%-%a" then failure.raise(failure.USAGE, "%s: --%s needs a value", who, name) end
      end
      local list = values(who, option, text)
      if option.common then settings[option.name] = list[1] else settings.given[option.name] = list end
    end
    i = i + 1
  end
  return finish(who, settings)
end

local function unit(text) return (text or ""):match "^(.-)%s*%[([^%]]*)%]$" end

--- The text of --help: what the experiment is, then one line per option with default, admissible range, unit and meaning.
function args.help(spec)
  local lines, rows, width = {}, {}, 0
  local function row(left, right) rows[#rows + 1], width = { left, right }, math.max(width, #left) end
  local names = {}
  for name in pairs(spec.params) do names[#names + 1] = name end
  table.sort(names, function(a, b) return a:lower() < b:lower() end)
  for _, name in ipairs(names) do
    local meaning, u = unit(spec.help[name])
    local left = ("  %-16s %s%s"):format(dashed(name), params.show(spec.params[name]), u and " " .. u or "")
    local choices = spec.choices[name]
    row(left, (meaning or spec.help[name] or "") .. (choices and " (" .. params.show(choices):gsub(",", ", ") .. ")" or ""))
  end
  row("", "")
  for _, option in ipairs(args.common) do row(("  %s %s"):format(dashed(option[1]), option.show or ""), option[3]) end
  lines[1] = ("%s%s"):format(spec.name, spec.paper and " (" .. spec.paper .. ")" or "")
  if spec.claim then lines[2] = spec.claim end
  lines[#lines + 1] = ("\nperigee run %s [options]      several values (1,2,5  1:10:3  64:4096:*2) sweep\n"):format(spec.name)
  for _, r in ipairs(rows) do lines[#lines + 1] = (("%-" .. width .. "s   %s"):format(r[1], r[2]):gsub("%s+$", "")) end
  return table.concat(lines, "\n") .. "\n"
end

return args
