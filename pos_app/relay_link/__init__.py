"""The till's side of the relay: follows its log, pairs with it, makes nonces; knows no sale and no database."""
