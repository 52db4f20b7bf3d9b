u"été 鳥"
revision = U"a1"
down_revision = u'b1'
