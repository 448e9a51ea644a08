"""The rules of money, sales and charges as pure values: no Qt, no network, no database, no asyncio."""
