"""Make raw files without pose3d's writers: python tests/data/make_raw_files.py FOLDER

With cdflib, scipy, h5py and PyAV alone, in other ways than pose3d writes them. `test_raw_files.py` in
tests/recordings/human36m knows what is in them.
"""

import sys
from pathlib import Path

import av
import cdflib.cdfwrite
import h5py
import numpy as np
import scipy.io

FRAMES, ROWS, COLUMNS = 7, 36, 50


def write_poses(path):
    """Coordinate c of joint j in frame f is 1000 f + 10 j + c: row-major, big-endian, compressed."""
    frame, joint, axis = np.ogrid[:FRAMES, :32, :3]
    values = (1000 * frame + 10 * joint + axis).astype(np.float32).reshape(1, FRAMES, 96)
    cdf = cdflib.cdfwrite.CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 1, "Checksum": True})
    cdf.write_globalattrs({"Title": {0: ["poses", "cdf_char"]}})
    spec = {"Variable": "Pose", "Data_Type": cdf.CDF_FLOAT, "Num_Elements": 1, "Rec_Vary": True}
    cdf.write_var({**spec, "Dim_Sizes": [FRAMES, 96], "Compress": 6}, var_data=values)
    cdf.close()


def mask(number):
    """A triangle that grows with the frame: (H, W) bool."""
    rows, columns = np.ogrid[:ROWS, :COLUMNS]
    return columns < rows + number


def write_v5(path, compressed):
    """Versions 5 and 7 differ in the compression."""
    cell = np.empty((FRAMES, 1), object)
    for i in range(FRAMES):
        cell[i, 0] = mask(i)
    scipy.io.savemat(path, {"other": np.eye(2), "Masks": cell}, do_compression=compressed)


def write_v73(path):
    """As MATLAB does: a row of a cell array, column-major, in chunks, the last mask without compression."""
    with h5py.File(path, "w", userblock_size=512, libver="earliest") as file:
        references = file.create_dataset("Masks", (FRAMES, 1), h5py.ref_dtype)
        references.attrs["MATLAB_class"] = np.bytes_("cell")
        for i in range(FRAMES):
            packing = {"chunks": (20, 16), "compression": "gzip", "shuffle": True} if i < FRAMES - 1 else {}
            stored = file.create_dataset(f"#refs#/{chr(98 + i)}", data=mask(i).T.astype(np.uint8), **packing)
            stored.attrs["MATLAB_class"] = np.bytes_("logical")
            stored.attrs["MATLAB_int_decode"] = np.int32(1)
            references[i, 0] = stored.ref
    with path.open("rb+") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def write_video(path):
    """Frame f is gray, 30 f + 20, with the mask's triangle in white; with B-frames, the header in front."""
    options = {"bf": "2", "g": "4", "crf": "8", "x264-params": "threads=1"}
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=50, options=options)
        stream.width, stream.height, stream.pix_fmt = COLUMNS, ROWS, "yuv420p"
        for i in range(FRAMES):
            gray = np.where(mask(i), 255, 30 * i + 20).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.stack([gray] * 3, -1), format="rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write_poses(folder / "poses.cdf")
    write_v5(folder / "masks_v5.mat", compressed=False)
    write_v5(folder / "masks_v7.mat", compressed=True)
    write_v73(folder / "masks_v73.mat")
    write_video(folder / "video.mp4")
