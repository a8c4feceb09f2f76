"""The desk's pages of a running installation, read by somebody who is signed in."""

import http.cookiejar
import re
import urllib.parse
import urllib.request
from html import unescape

from tests.support.installation import PASSWORD
from tests.support.web_stage import csrf_of


class DeskReader:
    """Signed in at the desk; pages by their paths."""

    def __init__(self, url: str, language: str) -> None:
        self._url, jar = url, http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self._opener.addheaders = [("Accept-Language", language)]
        form = {"user": "admin", "password": PASSWORD, "csrf": csrf_of(self.page("/desk/login"))}
        self._opener.open(f"{url}/desk/login", urllib.parse.urlencode(form).encode()).close()

    def page(self, path: str) -> str:
        with self._opener.open(self._url + path, timeout=60) as answer:
            text: str = answer.read().decode()
            return text

    def crawl(self, start: str) -> dict[str, str]:
        """Every page of the desk that links lead to, one for each path."""
        found, waiting = {}, [start]
        while waiting:
            link = waiting.pop()
            path = link.partition("?")[0]
            if path in found or path.startswith(("/desk/reports", "/desk/static")):
                continue
            found[path] = self.page(link)
            waiting += [unescape(each) for each in re.findall(r'href="(/desk[^"#]*)', found[path])]
        return found
