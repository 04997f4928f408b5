"""Files and processes: no pose in sight."""
