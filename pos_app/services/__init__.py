"""What a shop does with the till, one module per noun; knows the store, Daraja and the relay link, but no screen."""
