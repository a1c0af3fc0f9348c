return { render = function() end, draw = function() end }
