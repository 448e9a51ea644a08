"""The part of the settings that says which payments the relay lets in when M-Pesa asks first."""
