'''It's a "message"
  more of it

second paragraph
'''
revision = 'a1'
down_revision = None
