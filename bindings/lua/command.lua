-- command.lua: the verbs of the command line: run, list, help, bench. Each returns the exit status: 0 done, 2 usage.
--
-- env, given by the command: files(folder), runnable(path), executable_folder, source (the tree that the command
-- was built from), chosen ($PERIGEE_SCRIPTS or nil).
local nearest = require "perigee.nearest"

local command = {}

local function refuse(message)
  io.stdout:flush()
  io.stderr:write("perigee: ", message, "\n")
  return 2
end

local function folders(env)
  local list = {}
  for folder in (env.chosen or ""):gmatch "[^:]+" do list[#list + 1] = folder end
  list[#list + 1] = env.executable_folder .. "/../share/perigee/scripts"
  list[#list + 1] = env.source .. "/scripts"
  list[#list + 1] = "scripts"
  return list
end

--- Every experiment: { name = path } and the sorted names. Of two of one name the folder searched first wins.
local function experiments(env)
  local paths, names = {}, {}
  for _, folder in ipairs(folders(env)) do
    for _, file in ipairs(env.files(folder)) do
      local name = file:match "^(.*)%.lua$"
      if name and not paths[name] then
        paths[name] = folder .. "/" .. file
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  return paths, names
end

local function is_file(path)
  local f = io.open(path, "r")
  local readable = f and f:read(0) ~= nil or false
  if f then f:close() end
  return readable
end

--- The name meant by a mistyped one: near as a whole, or in its last part ("deterministc" for "continuized/deterministic").
local function suggest(name, names)
  local short, whole = {}, {}
  for _, full in ipairs(names) do
    local last = full:match "[^/]*$"
    short[#short + 1] = last
    whole[last] = whole[last] or full
  end
  return nearest(name, names) or whole[nearest(name, short) or ""]
end

local function find(name, env)
  local paths, names = experiments(env)
  local path = paths[name] or paths[name:gsub("%.lua$", "")]
  if path or name:find "%.lua$" and is_file(name) then return path or name end
  local guess = suggest(name, names)
  local hint = guess and ("did you mean '%s'?"):format(guess) or "`perigee list` names them"
  return nil, ("run: no experiment '%s' (%s)"):format(name, hint)
end

--- perigee run NAME [options]
function command.run(args, env)
  local name = args[1]
  if not name then return refuse "run: which experiment? `perigee list` names them" end
  if name:find "^%-" then return refuse(("run: the experiment's name comes first, got '%s'"):format(name)) end
  local path, why = find(name, env)
  if not path then return refuse(why) end
  arg = table.move(args, 2, #args, 1, { [0] = path })  -- luacheck: ignore arg
  return require "perigee.experiment".main(path, table.move(args, 2, #args, 1, {}))
end

local function matches(e, pattern)
  local text = table.concat({ e.name, tostring(e.paper or ""), e.claim or "" }, " "):lower()
  return text:find(pattern:lower(), 1, true) ~= nil
end

--- perigee list [pattern]: name, paper, one sentence; those that contain the pattern in any of the three.
function command.list(args, env)
  if #args > 1 then return refuse "list: one pattern at most" end
  local paths, names = experiments(env)
  local describe = require "perigee.experiment".describe
  local shown, width, status = {}, 0, 0
  for _, name in ipairs(names) do
    local ok, e = pcall(describe, paths[name])
    if not ok then
      io.stderr:write(("perigee: list: %s\n"):format(e))
      status = 1
    elseif e and matches({ name = name, paper = e.paper, claim = e.claim }, args[1] or "") then
      shown[#shown + 1] = { name, tostring(e.paper or ""), e.claim or "" }
      width = math.max(width, #name)
    end
  end
  for _, e in ipairs(shown) do
    local line = ("%-" .. width .. "s  %s"):format(e[1], e[2])
    print((line:gsub("%s+$", "")))
    if e[3] ~= "" then print("    " .. e[3]) end
  end
  if #shown == 0 and status == 0 then
    io.stderr:write(args[1] and ("perigee: list: no experiment matches '%s'\n"):format(args[1]) or "perigee: list: no experiments found\n")
    return 1
  end
  return status
end

--- perigee help [NAME]
function command.help(args)
  local text, why = require "perigee.help".text(args[1])
  if not text then return refuse(why) end
  print(text)
  return 0
end

--- perigee bench [pattern]
function command.bench(args, env)
  local folder = env.source .. "/tests/bench"
  local files, programs = {}, {}
  for _, file in ipairs(env.files(folder)) do
    if file:find "_bench%.lua$" then files[#files + 1] = folder .. "/" .. file end
  end
  if #files == 0 then return refuse("bench: the benchmarks are part of the source tree, and there is none at " .. env.source) end
  for _, file in ipairs(env.files(env.executable_folder)) do
    local path = env.executable_folder .. "/" .. file
    if file:find "^bench_[^/]*$" and env.runnable(path) then programs[#programs + 1] = path end
  end
  table.sort(files)
  table.sort(programs)
  return require "perigee.bench".main(args[1], { files = files, programs = programs, executable = env.executable_folder .. "/perigee" })
end

return command
