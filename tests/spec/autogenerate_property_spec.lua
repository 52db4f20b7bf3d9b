-- A short run of the property test of autogenerate; longer ones: lua5.4 tests/property/autogenerate.lua ROUNDS.

local moonbird = require("support.moonbird")

describe("revisions from random models, changed at random", function()
  it("make the database what the models say, and go back", function()
    local command = "cd %s && lua5.4 tests/property/autogenerate.lua 12"
    local output, code = moonbird.shell(command:format(moonbird.quote(moonbird.root)))
    assert.are.equal(0, code, output)
    assert.is_truthy(output:find("\nok\n$"), output)
  end)
end)
