revision = "a1"
if os.getenv("X") then
  down_revision = "b1"
end
