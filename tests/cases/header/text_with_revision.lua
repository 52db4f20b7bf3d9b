This revision is for "Monday.
