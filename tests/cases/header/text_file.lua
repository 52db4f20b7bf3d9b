Dear diary, today I learned about @decorators.
