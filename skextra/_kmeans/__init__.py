"""K-means: seeding, search, exact iterations and what is read off them."""
