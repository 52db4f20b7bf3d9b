#!/usr/bin/env bash
# A small edition of scripts/kill-test for every test run: small fixed batches, so that the kills hit between many.
set -euo pipefail
exec scripts/kill-test --rows 20000 --kills 12 --size 500 --longest 350
