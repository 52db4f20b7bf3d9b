~﻿#!/usr/bin/env lua
-- With BOM
revision = "a1"
down_revision = nil
