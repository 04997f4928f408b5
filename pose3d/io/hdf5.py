"""Open HDF5 files, and say what is wrong with one."""

import errno
import os
import re

import h5py

from pose3d.errors import UserError, one_line

# What h5py raises on a damaged file, depending on where the damage is. It documents none of them.
FAULTS = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, OverflowError)
# Errors that say nothing about the content of a file.
_NO_DAMAGE = {
    errno.ENOENT: "there is no such file",
    errno.EISDIR: "is a folder, not a file",
    errno.EACCES: "may not be read; change its permissions",
    errno.EPERM: "may not be read; change its permissions",
    errno.EAGAIN: "is locked by another process; wait until that ends",
    errno.EWOULDBLOCK: "is locked by another process; wait until that ends",
    errno.EMFILE: "cannot be opened, this process has too many open files; raise the limit (ulimit -n)",
    errno.EIO: "cannot be read, its disk or the network fails; try again",
    errno.ESTALE: "cannot be read, its disk or the network fails; try again",
}
# gzip packs at most 1032 bytes into one.
_PACKING = 1100


def open_hdf5(path, remedy, **options):
    """Open an HDF5 file for reading, with the `options` of h5py.File, or raise the `UserError` of `fault`.

    No lock is held where there is none to be had, as on some networks. It is asked for nevertheless: in one
    process, HDF5 opens a file either with locks or without.
    """
    try:
        try:
            return h5py.File(path, "r", **options)
        except OSError as error:
            if "lock" not in str(error):
                raise
            return h5py.File(path, "r", locking=False, **options)
    except FAULTS as error:
        raise fault(path, error, remedy) from error


def fault(path, error, remedy, where=""):
    """The `UserError` of one of `FAULTS`: only a file whose content fails a check is called damaged.

    `remedy` says what to do with a damaged file, `where` names the part of the file that was read.
    """
    text = one_line(error)
    number = re.search(r"errno = (\d+)", text)  # where h5py does not set it
    number = getattr(error, "errno", None) or (number and int(number[1]))
    if os.path.isdir(path):  # Windows calls opening one a lack of permission
        number = errno.EISDIR
    if "already open" in text:
        number = errno.EAGAIN
    if number in _NO_DAMAGE:
        return UserError(f"{path}: {_NO_DAMAGE[number]}")
    if "truncated file" in text:
        what = "is cut short"
    elif "checksum" in text.lower() or "fletcher32" in text.lower():
        what = "is damaged, a checksum is wrong"
    elif "signature not found" in text:
        what = "is no HDF5 file"
    else:
        what = "is damaged"
    return UserError(f"{path}: {where}{where and ' '}{what} ({text}); {remedy}")


def dataset_of(group, name):
    """The dataset of that name in a file or group, which must hold it itself.

    One of `FAULTS` is raised if there is none, if it is another kind of object or a link that leads elsewhere
    or in a circle, or if it claims more numbers than it stores, which HDF5 would invent.
    """
    link = group.get(name, getlink=True)
    if link is not None and not isinstance(link, h5py.HardLink):
        raise ValueError(f"{name} is a link to another place")
    found = group[name]
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"{name} is no array")
    if found.shape is None or found.nbytes > _PACKING * found.id.get_storage_size():
        raise ValueError(f"{name} claims the shape {found.shape}, which it does not store")
    return found


def text_of(place, name):
    """The text of an attribute of a file or dataset, or of a file's scalar dataset; else one of `FAULTS`."""
    is_attribute = name in place.attrs
    stored = place.attrs.get_id(name) if is_attribute else dataset_of(place, name)
    # HDF5 keeps texts of variable length in a heap, and reads a damaged heap for ever.
    if stored.shape != () or h5py.check_string_dtype(stored.dtype) is None or stored.dtype.hasobject:
        raise ValueError(f"{name} is no text of fixed length")
    value = place.attrs[name] if is_attribute else stored[()]
    return value if isinstance(value, str) else bytes(value).decode("utf-8")
