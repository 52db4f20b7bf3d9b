-- Größe der Vögel: 鳥 🐦
revision = "鳥1"
down_revision = "vögel"
