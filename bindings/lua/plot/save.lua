-- plot/save.lua: writes a figure to files and has gnuplot draw it.
--
-- NAME.csv and NAME.gp are always written; the pictures NAME.svg, .png, .pdf need the program gnuplot. Every file
-- is written aside under the name NAME.EXT.part and renamed when it is complete, so that a crash, a full disk or
-- Ctrl-C leaves the previous file or none, never half of one.

local script = require "perigee.plot.gnuplot"
local io, os = io, os

local known = { svg = true, png = true, pdf = true }
local ending = { svg = "</svg>%s*$", png = "IEND....$", pdf = "%%%%EOF%s*$" }      -- a complete picture ends so
local terminal = { svg = "svg", png = "pngcairo", pdf = "pdfcairo" }
local install = "install gnuplot (Debian: apt install gnuplot-nox) and run `gnuplot %s.gp`"

local function fail(fmt, ...) error(("plot.save: " .. fmt):format(...), 0) end

-- The system's words without the file name in front, which the message already has.
local function reason(err, path) return (tostring(err):gsub("^" .. path:gsub("%p", "%%%0") .. ": ", "")) end

-- Writes the pieces that `feed` passes on. Raises one message when the disk or the folder refuses.
local function write_file(path, feed)
  local aside = path .. ".part"
  local f, err = io.open(aside, "wb")
  if not f then fail("cannot write '%s': %s", path, reason(err, aside)) end
  local trouble
  feed(function(text)
    if not trouble then
      local ok, why = f:write(text)
      if not ok then trouble = why end
    end
  end)
  local closed, why = f:close()
  trouble = trouble or (not closed and why)
  if not trouble then
    local ok, refused = os.rename(aside, path)
    if not ok then trouble = reason(refused, aside) end
  end
  if trouble then
    os.remove(aside)
    fail("cannot write '%s': %s", path, trouble)
  end
end

local function shell_quote(s) return "'" .. s:gsub("'", [['\'']]) .. "'" end

local function split(path)
  local dir, name = path:match "^(.*/)([^/]*)$"
  return dir or "./", name or path
end

-- Formats as a list, from "svg,png", a list, or the extension of the path.
local function read_formats(formats)
  local list, seen = {}, {}
  if type(formats) == "table" then formats = table.concat(formats, ",") end
  for name in formats:gmatch "[^,%s]+" do
    if not known[name] then fail("unknown format '%s' (svg, png, pdf)", name) end
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  return list
end

local function check_name(path, name)
  if name == "" then fail("'%s' names no file", path) end
  if path:find "%c" then fail("file name %q contains a control character", path) end
  if name:find "^[<|~]" then fail("file name '%s' must not begin with '%s'", name, name:sub(1, 1)) end
end

-- The line of gnuplot's output that says what went wrong.
local function complaint(output)
  local last
  for line in output:gmatch "[^\n]+" do
    if line:find "line %d+:" then return (line:gsub("^%s+", "")) end
    if line:find "%S" then last = line end
  end
  return last or "no message"
end

local function tail(path)
  local f = io.open(path, "rb")
  if not f then return "" end
  local size = f:seek "end"
  f:seek("set", math.max(0, size - 64))
  local text = f:read "a"
  f:close()
  return text or ""
end

-- Runs gnuplot for one format. Returns true, or nil and what to tell; "missing" when there is no gnuplot.
local function draw(program, dir, name, format)
  local aside = name .. "." .. format .. ".part"
  local setting = ("format=\"%s\"; target='%s'"):format(format, aside:gsub("'", "''"))
  local command = ("cd %s && %s -e %s %s 2>&1 </dev/null"):format(shell_quote(dir), shell_quote(program), shell_quote(setting),
    shell_quote("./" .. name .. ".gp"))
  local pipe, err = io.popen(command, "r")
  if not pipe then return nil, tostring(err) end
  local output = pipe:read "a"
  local _, how, code = pipe:close()
  if how == "exit" and (code == 127 or code == 126) then return nil, "missing" end
  local path = dir .. aside
  if how == "exit" and code == 0 and tail(path):find(ending[format]) then
    local ok, why = os.rename(path, dir .. name .. "." .. format)
    if ok then return true end
    output = reason(why, path)
  elseif how == "signal" or code > 128 then
    output = ("stopped by signal %d"):format(how == "signal" and code or code - 128)
  elseif code == 0 then
    output = "the picture is incomplete; is the disk full?"
  elseif output:find "unknown or ambiguous terminal" then
    output = ("this gnuplot has no terminal %s; install gnuplot-nox or use another format"):format(terminal[format])
  end
  os.remove(path)
  return nil, complaint(output)
end

local function draw_all(program, dir, name, formats, files)
  local messages = {}
  for _, format in ipairs(formats) do
    local ok, why = draw(program, dir, name, format)
    if ok then
      files[#files + 1] = dir .. name .. "." .. format
    elseif why == "missing" then
      local where = program == "gnuplot" and "gnuplot was not found" or ("'%s' cannot be run"):format(program)
      return ("plot.save: %s; the data and script of figure '%s' are written, %s"):format(where, name, install:format(name)), true
    else
      messages[#messages + 1] = ("plot.save: gnuplot could not draw '%s.%s': %s"):format(name, format, why)
    end
  end
  return messages[1] and table.concat(messages, "\n") or nil
end

--- Writes path.csv, path.gp and the pictures. An extension .svg, .png or .pdf of the path stands for its format.
-- opt.formats: "svg" (default), "svg,png" or a list; opt.gnuplot: the program, default $PERIGEE_GNUPLOT or gnuplot.
-- Returns the list of files written; if a picture is missing, the message that says why; and whether it is because there
-- is no gnuplot. Raises when the data or the script cannot be written.
return function(fig, path, opt)
  if not (io and os) then fail("files cannot be written here") end
  if type(path) ~= "string" then fail("expected a file name, got %s", type(path)) end
  local stem, extension = path:match "^(.*[^/])%.(%a+)$"
  if known[extension] or extension == "gp" or extension == "csv" then path = stem else extension = nil end
  local formats = read_formats(opt.formats or (known[extension] and extension) or "svg")
  local dir, name = split(path)
  check_name(path, name)
  local text, data = script(fig, name)
  write_file(dir .. name .. ".csv", function(write) for line in data:lines() do write(line .. "\n") end end)
  write_file(dir .. name .. ".gp", function(write) write(text) end)
  local files = { dir .. name .. ".csv", dir .. name .. ".gp" }
  local program = opt.gnuplot or os.getenv "PERIGEE_GNUPLOT" or ""
  if program == "" then program = "gnuplot" end
  local message, absent = draw_all(program, dir, name, formats, files)
  for i, file in ipairs(files) do files[i] = file:gsub("^%./", "") end
  return files, message, absent
end
