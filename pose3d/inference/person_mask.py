"""Where a person's mask comes from: a file, the alpha channel, a still background, or a search."""

from pose3d.errors import UserError
from pose3d.inference.background import foreground, median_background
from pose3d.inference.person_search import PersonSearch, count_people
from pose3d.inference.pictures import is_video
from pose3d.io.images import list_images
from pose3d.recordings.mask_images import MaskImages, masks_by_name

BACKGROUNDS = ("search", "median", "keep")


def mask_finder(source, given=None, background="search"):
    """Make a function that finds the person of a picture.

    Parameters
    ----------
    source : Path of the pictures
    given : Path of a mask or a folder of masks, or None
    background : one of `BACKGROUNDS`
        What to do with a picture that has no mask and no alpha channel: search it for a person, subtract the
        video's median, or keep the background.

    Returns
    -------
    find : function of (number of the picture, Picture, box or None) that returns an (H, W) bool array and the
        number of people, or None and 1 if the background is kept
    masks : MaskImages, or None if none are given
    """
    masks = None if given is None else _given_masks(source, given)
    still = median_background(source) if background == "median" else None
    search = PersonSearch(follow=is_video(source))

    def find(number, picture, box=None):
        if masks is None and still is None and picture.alpha is None:
            return (None, 1) if background == "keep" else search(picture.rgb, box)
        if still is not None:
            mask = foreground(picture.rgb, still)
        else:
            mask = picture.alpha if masks is None else masks[number]
        return mask, count_people(mask)

    return find, masks


def _given_masks(source, given):
    if not given.exists():
        raise UserError(f"{given}: there is no such mask; correct --mask")
    paths = list_images(given)[0] if given.is_dir() else [given]
    if source.is_dir() or (given.is_dir() and not is_video(source)):
        paths = masks_by_name(paths, list_images(source)[0] if source.is_dir() else [source])
    return MaskImages(given, paths)
