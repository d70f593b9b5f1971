"""AWS's own images: half a second and a megabyte for each account and region, so they come when they are asked for."""

from functools import wraps
from typing import Any

from moto.ec2.models import amis
from moto.ec2.models.amis import AmiBackend
from moto.moto_api._internal import mock_random

Json = Any
LOADED = "default_images_are_here"


def teach() -> None:
    """Give moto's EC2 in this process the default images, on demand. Calling it again changes nothing."""
    describe = AmiBackend.describe_images
    if hasattr(describe, "__wrapped__"):
        return

    @wraps(describe)
    def call(self: Json, *arguments: Json, **named: Json) -> Json:
        if not getattr(self, LOADED, False):
            setattr(self, LOADED, True)
            _load(self)
        return describe(self, *arguments, **named)

    setattr(AmiBackend, "describe_images", call)  # noqa: B010  mypy forbids it plainly


def _load(backend: Json) -> None:
    settings: Json = vars(amis)["settings"]
    wanted, before = settings.ec2_load_default_amis, mock_random.getstate()
    settings.ec2_load_default_amis = lambda: True
    # Whoever asks first, the images' volumes have the same ids.
    mock_random.seed(f"images/{backend.region_name}")
    try:
        backend._load_amis()  # noqa: SLF001  moto's own loader
    finally:
        settings.ec2_load_default_amis = wanted
        mock_random.setstate(before)
