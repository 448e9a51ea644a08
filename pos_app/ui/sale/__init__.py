"""The selling screen: find on the left, the cart on the right, the latest payments below."""
