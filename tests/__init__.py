from pose3d.io.process_setup import prepare_process

prepare_process()  # as a command does: here, before anything imports numpy
