"""Latency and throughput of anything callable, by MLPerf's scenarios."""
