-- What is rendered: each case as a Mustache template, its data, and the same written by hand.
local format, concat = string.format, table.concat

local ENTITIES = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

local function html(text)
  return (tostring(text):gsub("[&<>\"']", ENTITIES))
end

local function items(count)
  local list = {}
  for i = 1, count do
    list[i] = { title = "Green tea, " .. i .. " g", price = 100 * i, is_new = i % 3 == 0 }
  end
  return list
end

return {
  -- A letter: a few names in a page of text.
  letter = {
    escape = "text",
    template = ([[
Dear {{name}},

thank you for your order {{number}} of {{date}}. It leaves our house tomorrow and will be
with you on {{arrival}}. %s

Your customer number is {{customer.number}}; please name it when you write to us.

{{shop}}
]]):format(("We pack what you order by hand. "):rep(20)),
    data = {
      name = "Sato Hanako", number = 4711, date = "2026-11-28", arrival = "Monday",
      customer = { number = "K-12" }, shop = "Example shop",
    },
    by_hand = (function()
      local text = ([[
Dear %%s,

thank you for your order %%s of %%s. It leaves our house tomorrow and will be
with you on %%s. %s

Your customer number is %%s; please name it when you write to us.

%%s
]]):format(("We pack what you order by hand. "):rep(20))
      return function(data)
        return format(text, data.name, data.number, data.date, data.arrival, data.customer.number,
          data.shop)
      end
    end)(),
  },

  -- An order: an HTML table of 20 rows with a condition in each.
  order = {
    escape = "html",
    template = [[
<h1>Order {{number}}</h1>
<p>Dear {{name}},</p>
<table>
{{#items}}
<tr><td>{{title}}</td><td>{{price}} yen{{#is_new}} <b>new</b>{{/is_new}}</td></tr>
{{/items}}
</table>
{{^items}}
<p>Nothing.</p>
{{/items}}
<p>{{{footer}}}</p>
]],
    data = {
      number = 4711, name = "Sato & Co. <Tokyo>", items = items(20),
      footer = "<i>Example shop</i>",
    },
    by_hand = function(data)
      local pieces = {
        "<h1>Order ", html(data.number), "</h1>\n<p>Dear ", html(data.name), ",</p>\n<table>\n",
      }
      for _, item in ipairs(data.items) do
        pieces[#pieces + 1] = format("<tr><td>%s</td><td>%s yen%s</td></tr>\n",
          html(item.title), html(item.price), item.is_new and " <b>new</b>" or "")
      end
      if #data.items == 0 then
        pieces[#pieces + 1] = "<p>Nothing.</p>\n"
      end
      pieces[#pieces + 1] = "</table>\n<p>" .. data.footer .. "</p>\n"
      return concat(pieces)
    end,
  },

  -- A list: 1000 short rows, nearly all of it data.
  list = {
    escape = "text",
    template = "{{#items}}\n{{title}}: {{price}}\n{{/items}}\n",
    data = { items = items(1000) },
    by_hand = function(data)
      local pieces = {}
      for i, item in ipairs(data.items) do
        pieces[i] = item.title .. ": " .. item.price .. "\n"
      end
      return concat(pieces)
    end,
  },
}
