"""HTML pages read back."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Headings, table rows as lists of texts, and everything that the page would load."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.rows, self.loaded, self.tags = [], [], [], set()
        self._into = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        attributes = dict(attributes)
        self.loaded += [attributes[name] for name in ("src", "srcset", "data", "poster") if name in attributes]
        if tag in ("link", "image", "use"):
            self.loaded += [value for name, value in attributes.items() if name in ("href", "xlink:href")]
        if tag in ("h1", "h2", "h3"):
            self._into = self.headings
            self._into.append("")
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._into = self.rows[-1]
            self._into.append("")

    def handle_endtag(self, tag):
        if tag in ("h1", "h2", "h3", "td", "th"):
            self._into = None

    def handle_data(self, data):
        if self._into is not None:
            self._into[-1] = " ".join((self._into[-1] + data).split())

    def row(self, *first, cells=None):
        """What follows these cells in the only row that begins with them, and has so many cells."""
        rows = [row for row in self.rows if cells is None or len(row) == cells]
        (found,) = [row for row in rows if row[: len(first)] == list(first)]
        return found[len(first):]
