"""A profile as bytes: a msgpack array of what differs from profile to profile.

Most of what Redis holds of a visitor repeats, so three things are written once: every string (``words``, after a list
of common ones that is never stored), every touch (``touches``), and every time (as the time since another one). Rows
of numbers are columns of equal width, see ``profiles.encoding.columns``. ``decode`` returns exactly the profile that
``encode`` was given.
"""

import msgspec

from profiles.encoding.layout import StoredProfileWithWish
from profiles.encoding.packing import pack_profile
from profiles.encoding.unpacking import unpack_profile
from profiles.model import Profile

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(StoredProfileWithWish)


class ProfileInvalid(ValueError):
    """Stored bytes that are not a profile."""


def encode(profile: Profile) -> bytes:
    return _encoder.encode(pack_profile(profile))


def decode(raw: bytes | memoryview) -> Profile:
    """Raises ProfileInvalid."""
    try:
        return unpack_profile(_decoder.decode(raw))
    except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
        raise ProfileInvalid(str(error)) from error


def copy(profile: Profile) -> Profile:
    """A profile that shares nothing with this one."""
    return decode(encode(profile))
