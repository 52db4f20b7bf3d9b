--- The quick start's environment. What could stand here: url, models, include_object, and functions that are called
-- before and after a run. The quick start needs none of them.
return {}
