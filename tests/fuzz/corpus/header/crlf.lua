~--- Summary line
-- goes on
--
-- Second paragraph
-- Revises: x

revision = "a1"
down_revision = "b1"

function upgrade()
end
