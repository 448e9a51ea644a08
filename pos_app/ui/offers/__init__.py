"""Payments that customers send by themselves: the rail below, the offer beside the total, and a code looked up."""
