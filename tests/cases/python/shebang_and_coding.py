#!/usr/bin/env python
# -*- coding: utf-8 -*-

"""m"""
revision="a1";down_revision=None;depends_on="x"
