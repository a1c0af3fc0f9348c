-- optional.lua: pg.optional, the default that pg.options gives to an option that may stay nil and may be of any type.
return setmetatable({}, { __name = "perigee.optional", __tostring = function() return "optional" end })
