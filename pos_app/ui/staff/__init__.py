"""Who is at the till: the first owner, signing in, the lock, what somebody else allows in place, who works here."""
