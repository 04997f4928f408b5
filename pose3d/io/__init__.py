"""Files, processes and MPI: nothing that knows about poses."""
