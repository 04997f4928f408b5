"""Where a person's mask comes from: a file, the alpha channel, a still background, or a search."""

from pose3d.errors import UserError
from pose3d.inference.background import foreground, median_background
from pose3d.inference.person_search import PersonSearch, count_people
from pose3d.inference.pictures import is_video
from pose3d.io.images import list_images
from pose3d.recordings.mask_images import MaskImages, masks_by_name

BACKGROUNDS = ("search", "median", "keep")


def mask_finder(source, given=None, background="search"):
    """A function that finds the person of a picture, and the `MaskImages`, or None if no masks are `given`.

    ``find(number, picture, box)`` returns an (H, W) bool array and the number of people, or None and 1 if the
    background is kept. `background`, one of `BACKGROUNDS`, is for pictures without mask and alpha channel.
    """
    masks = None
    if given is not None:
        if not given.exists():
            raise UserError(f"{given}: there is no such mask; correct --mask")
        paths = list_images(given)[0] if given.is_dir() else [given]
        if source.is_dir() or (given.is_dir() and not is_video(source)):
            paths = masks_by_name(paths, list_images(source)[0] if source.is_dir() else [source])
        masks = MaskImages(given, paths)
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
