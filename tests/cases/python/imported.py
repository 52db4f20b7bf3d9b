from .ids import (revision,
                  down_revision)
