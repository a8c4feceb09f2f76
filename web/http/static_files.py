"""The desk's stylesheet, script and icons: read once, gzipped once, cached by the browser for good."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, request

from web.http.problem import Problem

FOLDER = Path(__file__).parent.parent / "static"
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    gzipped: bytes
    mime: str
    digest: str


def _asset(path: Path) -> StaticFile:
    content = path.read_bytes()
    mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    digest = hashlib.sha256(content).hexdigest()[:12]
    return StaticFile(content, gzip.compress(content, 6, mtime=0), mime, digest)


class StaticFiles:
    """Every file of ``web/static`` by name."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._loaded = {path.name: _asset(path) for path in sorted(folder.iterdir()) if path.is_file()}

    def get(self, name: str) -> StaticFile | None:
        return self._loaded.get(name)

    def url(self, name: str) -> str:
        """The address of a file, which changes with its content."""
        return f"/desk/static/{name}?v={self._loaded[name].digest}"


def static_blueprint(assets: StaticFiles) -> Blueprint:
    blueprint = Blueprint("assets", __name__)

    @blueprint.get("/desk/static/<name>")
    def static_file(name: str) -> Response:
        asset = assets.get(name)
        if asset is None:
            raise Problem(404, "There is no such file")
        zipped = request.accept_encodings.quality("gzip") > 0
        response = Response(asset.gzipped if zipped else asset.content, mimetype=asset.mime)
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = FOREVER
        response.set_etag(asset.digest)
        response.make_conditional(request)
        return response

    return blueprint
