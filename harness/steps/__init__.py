"""Kinds of steps, a module each: their options, their inputs, and the work. `registry` lists them."""
