"""What stands on the counter beside the till; devices know no screen and no service."""
