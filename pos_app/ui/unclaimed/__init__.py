"""The manager's list: what no sale has, to be given to one, and what sales of this till have, to be given back."""
