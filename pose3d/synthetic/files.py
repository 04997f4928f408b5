"""Writers for the file kinds of a raw Human3.6M tree; each file appears under its name only when whole."""

import contextlib
import os
from pathlib import Path

import av
import cdflib.cdfwrite
import h5py
import numpy as np

FRAMES_PER_SECOND = 50
_MATLAB_HEADER = b"MATLAB 7.3 MAT-file, Platform: any, Created by: pose3d, HDF5 schema 1.00 ."
_USER_BLOCK = 512  # bytes before the HDF5 part of a v7.3 file


@contextlib.contextmanager
def whole(path):
    """Yield a temporary path in the folder of `path` that becomes `path` if nothing fails.

    Folders are made as needed. After an error the temporary file is removed and `path` is as before.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_poses(path, poses):
    """Write a positions file as Human3.6M has it: column-major CDF, one record of CDF_FLOAT.

    Parameters
    ----------
    path : path ending in ``.cdf``
    poses : (F, 32, 2) px or (F, 32, 3) mm array
    """
    flat = np.asarray(poses, np.float32).reshape(len(poses), -1)
    # cdflib stores the bytes of a column-major variable as they come: hand them over transposed.
    stored = np.ascontiguousarray(flat.T).reshape(1, *flat.shape)
    with whole(path) as temporary:
        cdf = cdflib.cdfwrite.CDF(temporary, cdf_spec={"Majority": "column_major"})
        try:
            variable = {
                "Variable": "Pose",
                "Data_Type": cdf.CDF_FLOAT,
                "Num_Elements": 1,
                "Rec_Vary": True,
                "Dim_Sizes": list(flat.shape),
                "Compress": 0,
            }
            cdf.write_var(variable, var_data=stored)
        finally:
            cdf.close()


def write_masks(path, masks):
    """Write masks as MATLAB does in v7.3: an HDF5 cell array ``Masks`` of references to images.

    Parameters
    ----------
    path : path ending in ``.mat``
    masks : sequence of (H, W) bool arrays; they are stored transposed, as MATLAB's are
    """
    with whole(path) as temporary:
        with h5py.File(temporary, "w", userblock_size=_USER_BLOCK) as file:
            group = file.create_group("#refs#")
            cell = file.create_dataset("Masks", (len(masks), 1), h5py.ref_dtype)
            cell.attrs["MATLAB_class"] = np.bytes_("cell")
            for i, mask in enumerate(masks):
                stored = np.ascontiguousarray(np.asarray(mask).T, dtype=np.uint8)
                element = group.create_dataset(
                    f"{i:06d}", data=stored, chunks=stored.shape, compression="gzip", compression_opts=1
                )
                element.attrs["MATLAB_class"] = np.bytes_("logical")
                element.attrs["MATLAB_int_decode"] = np.int32(1)
                cell[i, 0] = element.ref
        with temporary.open("rb+") as file:
            file.write(_MATLAB_HEADER.ljust(124) + b"\x00\x02IM")


def write_video(path, frames):
    """Encode a video at 50 frames per second.

    Parameters
    ----------
    path : path ending in ``.mp4``
    frames : iterable of (H, W, 3) uint8 arrays, RGB; H and W even
    """
    with whole(path) as temporary, av.open(str(temporary), "w") as container:
        stream = None
        for frame in frames:
            if stream is None:
                stream = _video_stream(container, *frame.shape[:2])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        if stream is not None:
            container.mux(stream.encode())


def _video_stream(container, rows, columns):
    """One single-threaded stream: the recordings, not the frames, are spread over the cores."""
    if "libx264" in av.codec.codecs_available:
        options = {"preset": "superfast", "crf": "20", "threads": "1"}
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
    else:  # a build of FFmpeg without x264 still has MPEG-4 part 2
        stream = container.add_stream("mpeg4", rate=FRAMES_PER_SECOND)
        stream.bit_rate = 4_000_000
    stream.width, stream.height, stream.pix_fmt = columns, rows, "yuv420p"
    return stream
