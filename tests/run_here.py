"""What worker processes do, in this process: each would take longer to start than most tests' tasks."""

from concurrent.futures import Future


def run_here(function, tasks, workers):
    """As `pose3d.io.processes.run_all`, in this process."""
    for number, task in enumerate(tasks):
        future = Future()
        try:
            future.set_result(function(*task))
        except Exception as error:
            future.set_exception(error)
        yield number, future
