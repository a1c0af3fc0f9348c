-- plot/blame.lua: errors of the plot modules point at the caller's line, not at ours.

local function position_free(message)
  return type(message) == "string" and message:gsub("^%[string \".-\"%]:%d+: ", ""):gsub("^[^:\n]+:%d+: ", "") or message
end

--- blame(f, ...): f's results; an error of f is raised again at the position of the caller's caller. Not to be called
-- as a tail call, which would hide the caller: return (blame(f, ...)).
return function(f, ...)
  local r = table.pack(pcall(f, ...))
  if r[1] then return table.unpack(r, 2, r.n) end
  error(position_free(r[2]), type(r[2]) == "string" and 3 or 0)
end
