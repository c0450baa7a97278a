-- RFC 6854, groups in From and Sender: read always, written only when they are asked for; and the
-- examples of section 4.

local composed = require "support.composed"
local ettsumailer = require "ettsumailer"

local address = ettsumailer.address

describe("RFC 6854 2.1: From and Sender", function()
  it("may hold groups, which are read as in any list", function()
    local list = assert(address.parse_list "Team: a@x.example, B <b@x.example>;")
    assert.equal("Team", list[1].group)
    assert.equal("B", list[2].name)
  end)

  it("with several mailboxes within groups need a Sender", function()
    local team = "Team: a@x.example, b@y.example;"
    assert.matches("sender", composed.refusal({ from = team, allow_group_from = true }).text)
    local fields = composed.fields { from = team, sender = "a@x.example", allow_group_from = true }
    assert.equal(team, fields.from)
    assert.equal("a@x.example", fields.sender)
  end)

  it("with one mailbox in a group need none", function()
    local fields = composed.fields { from = "Team: a@x.example;", allow_group_from = true }
    assert.equal("Team: a@x.example;", fields.from)
    assert.is_nil(fields.sender)
  end)

  it("hold no group in what is composed, unless that is asked for by name", function()
    for _, group in ipairs { "Team: a@x.example;", "Robot:;", "a@x.example, Robot:;" } do
      local err = composed.refusal { from = group, sender = "s@x.example" }
      assert.equal("ADDRESS", err.code)
      assert.matches("^from: ", err.text)
      assert.matches("allow_group_from", err.hint)
    end
    assert.equal("ADDRESS", composed.refusal({ sender = "S: s@x.example;" }).code)
    composed.refusal { from = { address.parse_list("Team: a@x.example;")[1] } }
  end)

  it("have no more than one mailbox in a Sender", function()
    composed.refusal { sender = "S: s@x.example, t@x.example;", allow_group_from = true }
    composed.refusal { sender = "S: s@x.example;, T:;", allow_group_from = true }
  end)

  it("have a group of one in Sender, when that is asked for", function()
    local fields = composed.fields {
      from = "a@x.example, b@x.example", sender = "Desk: s@x.example;", allow_group_from = true,
    }
    assert.equal("Desk: s@x.example;", fields.sender)
    composed.refusal { from = "a@x.example", sender = "Desk:;", allow_group_from = true }
  end)
end)

describe("RFC 6854 2.2: Resent-From and Resent-Sender", function()
  local function resent(fields)
    fields.to = "t@x.example"
    return ettsumailer.message {
      raw = "From: a@x.example\r\nTo: b@x.example\r\n\r\nhi\r\n", resent = fields,
    }
  end

  it("hold groups only when that is asked for", function()
    local message, err = resent { from = "Team: r@x.example;" }
    assert.is_nil(message)
    assert.matches("^resent.from: a group", err.text)
    message, err = resent { from = "r@x.example", sender = "Team: s@x.example;" }
    assert.is_nil(message)
    assert.matches("^resent.sender: a group", err.text)
    message = assert(resent {
      from = "Team: r@x.example;", sender = "Desk: s@x.example;", allow_group_from = true,
    })
    local section = message:header_section()
    assert.matches("\r\nResent%-From: Team: r@x.example;\r\n", section)
    assert.matches("\r\nResent%-Sender: Desk: s@x.example;\r\n", section)
  end)

  it("hold none among a message's own fields without it", function()
    for _, name in ipairs { "Resent-From", "resent-sender", "Sender" } do
      local err = composed.refusal { headers = { [name] = "Team: r@x.example;" } }
      assert.equal("ADDRESS", err.code)
      assert.matches("^headers: " .. name:gsub("%-", "%%-") .. ": a group", err.text)
      assert.equal(1, composed.count(
        { headers = { [name] = "Team: r@x.example;" }, allow_group_from = true }, name))
    end
  end)
end)

describe("RFC 6854 3: whoever uses lists", function()
  it("can have groups refused when a list is read or written", function()
    local list, err = address.parse_list("a@x, G: b@x;", { groups = false })
    assert.is_nil(list)
    assert.equal("ADDRESS", err.code)
    assert.matches("group %(G%)", err.text)
    assert.is_nil((address.parse_list("G:;", { groups = false })))
    assert.equal(1, #assert(address.parse_list("a@x", { groups = false })))
    local text
    text, err = address.format(address.parse_list "G: b@x;", { groups = false })
    assert.is_nil(text)
    assert.equal("ADDRESS", err.code)
    assert.is_nil((address.format({ { group = "G" } }, { groups = false })))
    assert.equal("a@x", address.format(address.parse_list "a@x", { groups = false }))
  end)
end)

describe("RFC 6854 4: examples", function()
  it("a robot that nobody can reply to", function()
    local list = assert(address.parse_list("Nightly Monitor Robot:;", { keep_groups = true }))
    assert.equal("Nightly Monitor Robot", list[1].group)
    assert.equal(0, #list[1])
    assert.equal("Nightly Monitor Robot:;", address.format(list))
    local fields = composed.fields {
      from = "Nightly Monitor Robot:;", sender = "robot@example.com", allow_group_from = true,
    }
    assert.equal("Nightly Monitor Robot:;", fields.from)
  end)

  it("two partners, and their assistant who sends it", function()
    local plain = composed.fields { from = "ben@example.com,carol@example.com", sender = "dave@example.com" }
    assert.equal("ben@example.com, carol@example.com", plain.from)
    assert.equal("dave@example.com", plain.sender)
    local grouped = composed.fields {
      from = "Managing Partners:ben@example.com,carol@example.com;", sender = "dave@example.com",
      allow_group_from = true,
    }
    assert.equal("Managing Partners: ben@example.com, carol@example.com;", grouped.from)
    assert.equal("dave@example.com", grouped.sender)
  end)
end)
