"""Examples as every task's data are read: one frozen record each."""
