-- required.lua: pg.required, the default that pg.options gives to an option without which a function cannot work.
return setmetatable({}, { __name = "perigee.required", __tostring = function() return "required" end })
