"""Addresses of files: which can work, where they are asked for, and what a folder for one is called."""

import hashlib
import os
import re
from contextlib import suppress
from urllib.parse import unquote, urlsplit, urlunsplit

from ..errors import InputError, shown

MIRROR = "MOBILESEG_MIRROR"
"""The environment variable with an address that takes the place of scheme and host of every download."""

BY_HAND = "download it by hand and give the file's path"

_PAGES = ("drive.google.com", "docs.google.com", "pan.baidu.com", "1drv.ms", "onedrive.live.com", "mega.nz")
_RAW = {"github.com": ("/blob/", "/raw/"), "huggingface.co": ("/blob/", "/resolve/")}


def named(url: str) -> str:
    """An address as messages show it: short, and without a password."""
    with suppress(ValueError):
        parts = urlsplit(url)
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return shown(url, 200)


def is_address(text: str) -> bool:
    """Whether a text is meant as an address and not as a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def check_address(url: str) -> None:
    """Refuse an address at which no file can lie, before anything is asked for.

    Raises:
        InputError: it is not of http or https, or is known to show a page instead of giving the file.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise InputError(f"{named(url)} is no address ({shown(error)}); give one of http or https") from error
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f"cannot fetch {named(url)}: it is no address of http or https; {BY_HAND}")
    direct = parts.path == "/uc" and host == "drive.google.com"
    if not direct and any(host == page or host.endswith(f".{page}") for page in (*_PAGES, "sharepoint.com")):
        raise InputError(
            f"{named(url)} is a page to download from by hand: open it in a browser, save the file, and give its path "
            "(`--pretrained FILE`, or `pretrained: FILE` in a config)"
        )
    if host.endswith("dropbox.com") and not {"dl=1", "raw=1"} & set(parts.query.split("&")):
        raise InputError(f"{named(url)} shows a page of Dropbox; end the address with dl=1")
    for site, (page, raw) in _RAW.items():
        if host == site and page in parts.path:
            raise InputError(f"{named(url)} shows a page; the file is at {named(url.replace(page, raw, 1))}")


def mirrored(url: str) -> str:
    """The address to ask instead of `url`: `MOBILESEG_MIRROR`, if it is set, followed by the path.

    Raises:
        InputError: the variable holds no address of http or https.
    """
    prefix = os.environ.get(MIRROR)
    if not prefix:
        return url
    if not re.match(r"https?://[^/]", prefix):
        raise InputError(f"{MIRROR} must be an address such as https://mirror.example/files, it is '{shown(prefix)}'")
    parts = urlsplit(url)
    return prefix.rstrip("/") + urlunsplit(("", "", parts.path, parts.query, ""))


def keyed_name(url: str) -> str:
    """A folder's name for what lies at an address, another for every address.

    Returns:
        What a person knows it by (the archive's name, or that of the folder a plain file lies in), and the start of the
        whole address' SHA-256.
    """
    # PaddleSeg decodes addresses before it passes them on.
    digest = hashlib.sha256(unquote(url).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_readable(url)}-{digest[:12]}"


def _readable(url: str) -> str:
    *above, last = [part for part in unquote(urlsplit(url).path).split("/")]
    archive = re.sub(r"\.(zip|tgz|tar(\.\w+)?)$", "", last)
    word = archive if archive != last or not above else above[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", word)[:60].strip(".") or "file"
