"""The part of the settings that tells Safaricom where the shop's payments are told."""
