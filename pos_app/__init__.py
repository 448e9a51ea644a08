"""The till: a desktop point of sale that takes M-Pesa payments and never loses one."""
