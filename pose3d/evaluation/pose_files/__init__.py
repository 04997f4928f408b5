"""Files of predicted and true poses, in five formats: written by the test, read to be judged.

========  ==============================================================================================
suffix    what it holds
========  ==============================================================================================
``npz``   arrays ``predictions_mm``, ``truths_mm``, (F, 17, 3) or (F, 51); ``joints``, the 17 names;
          ``action``, ``subject``, ``take``, ``camera``, ``frame``, (F,) each
``h5``    the same as HDF5 data sets (also ``hdf5``)
``json``  the same as an object of nested lists; or one nested list of poses
``csv``   a row a frame: columns named as the keys above, then ``pelvis x`` ... of the predictions and
          ``true pelvis x`` ... of the truth
``txt``   the original project's dumps: nested lists of frames x 51 numbers, batch after batch; it has no
          place for keys or truth, so the truth is a file of its own, and the names a comment
========  ==============================================================================================

Every array is in mm. We write float32: npz and h5 as they are, the others in decimal with nine digits,
which name a float32 exactly: ``numpy.float32`` of what is read is what was written.
"""

from pose3d.evaluation.pose_files.formats import FORMATS, KEYS, PICTURE
from pose3d.evaluation.pose_files.pair import Pair, read_pair, write

__all__ = ["FORMATS", "KEYS", "PICTURE", "Pair", "read_pair", "write"]
