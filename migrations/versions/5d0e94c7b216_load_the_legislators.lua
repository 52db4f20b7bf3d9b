--- Load the legislators
--
-- The members of the United States Congress, from examples/congress/legislators.csv. The names are as people write
-- them: with initials, nicknames, suffixes, accents, two last names, and twice not at all.
--
-- Revision ID: 5d0e94c7b216
-- Revises: 3b1d7c52a9e0
-- Create Date: 2026-11-20 09:30:00

revision = "5d0e94c7b216"
down_revision = "3b1d7c52a9e0"

local csv = require("csv")

function upgrade()
  local people = {}
  for _, row in ipairs(csv.read("../examples/congress/legislators.csv")) do
    people[#people + 1] = {
      bioguide = row.bioguide,
      full_name = row.full_name,
      birthday = row.birthday,
      chamber = row.chamber,
      state = row.state,
      party = row.party,
    }
  end
  op.bulk_insert("people", people)
end

function downgrade()
  op.execute("DELETE FROM people")
end

function verify()
  local count = db:scalar("SELECT count(*) FROM people")
  assert(count == 537, "expected 537 people, found " .. count)
end
