revision = "a\x62\u{63}\100\z
           ef"
down_revision = '\'\"\\\u{1F426}'
depends_on = { [==[
in ]] brackets]==], [=[]]=] }
function upgrade() end
