"""The one screen: what can be shipped, what it costs, how sure that is."""
