"""Deployments at work: batches of examples through an open backend, decoded to answers."""
