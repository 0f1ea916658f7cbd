"""Somebody who uses our pages as a browser without scripts does: keeps cookies, fills in forms, follows redirects.

Standard library only.
"""

import http.client
import urllib.parse
from collections.abc import Callable
from html.parser import HTMLParser
from http.cookies import SimpleCookie


class Page:
    """What came of a request, and the forms in it."""

    def __init__(self, url: str, response: http.client.HTTPResponse):
        self.url, self.status, self.headers = url, response.status, response.headers
        self.text = response.read().decode()
        reader = _Forms()
        reader.feed(self.text)
        self.title, self.forms = reader.title.strip(), reader.forms

    @property
    def location(self) -> str | None:
        """Where a redirect leads."""
        location = self.headers["Location"]
        return location and urllib.parse.urljoin(self.url, location)

    @property
    def query(self) -> dict:
        """The parameters that a redirect carries."""
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.location).query))


class Visitor:
    """One browser: cookies of one server, and the page that is open. `show` is told each request and its answer."""

    def __init__(self, show: Callable[[str, str, Page], None]):
        self.show = show
        self.cookies: dict[str, str] = {}
        self.page: Page | None = None

    def open(self, url: str) -> Page:
        """Opens a page, over redirects within its own site; one to elsewhere is returned as it came."""
        return self._follow("GET", url)

    def submit(self, button: tuple[str, str] | None = None, **fields: str) -> Page:
        """Fills in the form of the open page and sends it, by the button of this name and value if it has one."""
        form = self.page.forms[0]
        values = {**form["fields"], **fields, **dict([button] if button else [])}
        return self._follow("POST", urllib.parse.urljoin(self.page.url, form["action"]), values)

    def _follow(self, method: str, url: str, form: dict | None = None) -> Page:
        site = urllib.parse.urlsplit(url).netloc
        self.page = self._ask(method, url, form)
        while self.page.location and urllib.parse.urlsplit(self.page.location).netloc == site:
            self.page = self._ask("GET", self.page.location)
        return self.page

    def _ask(self, method: str, url: str, form: dict | None = None) -> Page:
        parts = urllib.parse.urlsplit(url)
        headers = {"Accept": "text/html", "Accept-Language": "en"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{parts.netloc}"}
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        target = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
        connection.request(method, target, form and urllib.parse.urlencode(form), headers)
        response = connection.getresponse()
        page = Page(url, response)
        connection.close()
        self.show(method, url, page)
        for line in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return page


class _Forms(HTMLParser):
    """Reads the title, and of each form where it goes and what its fields hold."""

    def __init__(self):
        super().__init__()
        self.title, self.forms, self._in_title = "", [], False

    def handle_starttag(self, tag: str, attributes: list) -> None:
        attributes = dict(attributes)
        self._in_title = tag == "title"
        if tag == "form":
            self.forms.append({"action": attributes.get("action", ""), "fields": {}})
        elif tag == "input" and self.forms and attributes.get("name") and attributes.get("type") != "submit":
            self.forms[-1]["fields"][attributes["name"]] = attributes.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
            self._in_title = False
