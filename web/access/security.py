"""Headers that keep the desk's pages from being framed, sniffed or made to run a stranger's script."""

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface

from tracker.durations import HOUR_SECONDS

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class DeskSession(SecureCookieSessionInterface):
    """Signed cookie sessions whose cookie is Secure whenever the page came over https."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure or super().get_cookie_secure(app)


def register_security(app: Flask) -> None:
    app.session_interface = DeskSession()
    app.config.update(
        SESSION_COOKIE_NAME="dangol_desk",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/desk",
        PERMANENT_SESSION_LIFETIME=12 * HOUR_SECONDS,
        MAX_CONTENT_LENGTH=1 << 20,
        MAX_FORM_MEMORY_SIZE=1 << 20,
    )

    @app.after_request
    def harden(response: Response) -> Response:
        if request.path.startswith("/desk"):
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            response.headers.setdefault("Cache-Control", "no-store")
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response
