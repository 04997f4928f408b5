from pose3d.io.cpu import prepare_process

prepare_process()  # as a command does: here, before anything imports numpy
