-- A short run of the property test of rebuilt tables; longer ones: lua5.4 tests/property/rebuild.lua ROUNDS.

local moonbird = require("support.moonbird")

describe("random changes of random tables of SQLite", function()
  it("leave rows, schema and file as they must be", function()
    local command = "cd %s && lua5.4 tests/property/rebuild.lua 25"
    local output, code = moonbird.shell(command:format(moonbird.quote(moonbird.root)))
    assert.are.equal(0, code, output)
    assert.is_truthy(output:find("\nok\n$"), output)
  end)
end)
