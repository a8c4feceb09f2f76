"""A profile as bytes: msgpack arrays."""

import msgspec

from profiles.model import Profile

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Profile)


class ProfileInvalid(ValueError):
    """Stored bytes that are not a profile."""


def encode(profile: Profile) -> bytes:
    return _encoder.encode(profile)


def decode(raw: bytes | memoryview) -> Profile:
    """Raises ProfileInvalid."""
    try:
        return _decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise ProfileInvalid(str(error)) from error


def copy(profile: Profile) -> Profile:
    """A profile that shares nothing with this one."""
    return decode(encode(profile))
