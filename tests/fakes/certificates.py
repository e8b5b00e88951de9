"""Certificates for sites on loopback: worth nothing outside these tests. Self-signed, one key, valid 2020 to 2120.

Made with `openssl ca -selfsign`: EC P-256, names `localhost`, `news.example` and 127.0.0.1 (WRONG_NAME: `other.example`;
EXPIRED: until 2021).
"""

from __future__ import annotations

import ssl
from pathlib import Path

_KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguIujY7wMQRIUegaR
xL8TDJhlryb+H5IIvFSYgiEGL9qhRANCAAT15AplFWMYEaeY8ieqrnhs6cLXcUK7
uFMO0z3IEpWSP/Uze9h39zifTlcHOL9YOUvgG7uwvyQPNOkFxlygg9OM
-----END PRIVATE KEY-----
"""

GOOD = """\
-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1tb25pdG9y
IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1tb25pdG9yIHRlc3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9eQK
ZRVjGBGnmPInqq54bOnC13FCu7hTDtM9yBKVkj/1M3vYd/c4n05XBzi/WDlL4Bu7
sL8kDzTpBcZcoIPTjKNcMFowKAYDVR0RBCEwH4IJbG9jYWxob3N0ggxuZXdzLmV4
YW1wbGWHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQU/RJK0laoT629
NXhlt5RDOAIxf9QwCgYIKoZIzj0EAwIDSAAwRQIgKpyOHXQgBZtuQMBmQ/Hzg3fm
4twS8uZ0xjniTtxpUw4CIQCFgXKW0paBWBdk5jGwLjRuXklOk5sOaz4szOiXaY/Q
Qw==
-----END CERTIFICATE-----
"""

WRONG_NAME = """\
-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1tb25pdG9y
IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1tb25pdG9yIHRlc3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9eQK
ZRVjGBGnmPInqq54bOnC13FCu7hTDtM9yBKVkj/1M3vYd/c4n05XBzi/WDlL4Bu7
sL8kDzTpBcZcoIPTjKNMMEowGAYDVR0RBBEwD4INb3RoZXIuZXhhbXBsZTAPBgNV
HRMBAf8EBTADAQH/MB0GA1UdDgQWBBT9EkrSVqhPrb01eGW3lEM4AjF/1DAKBggq
hkjOPQQDAgNIADBFAiEAxyj8m9ijo1cNDbcEped3uyPbVmH22jDH1IqK5afYevkC
IGgDKox/AKVRfbMfEhwkdvPsezmIQ8i8w7R093bm2Yj6
-----END CERTIFICATE-----
"""

EXPIRED = """\
-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1tb25pdG9y
IHRlc3RzMB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowGDEWMBQGA1UE
AwwNbW9uaXRvciB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPXkCmUV
YxgRp5jyJ6queGzpwtdxQru4Uw7TPcgSlZI/9TN72Hf3OJ9OVwc4v1g5S+Abu7C/
JA806QXGXKCD04yjXDBaMCgGA1UdEQQhMB+CCWxvY2FsaG9zdIIMbmV3cy5leGFt
cGxlhwR/AAABMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFP0SStJWqE+tvTV4
ZbeUQzgCMX/UMAoGCCqGSM49BAMCA0gAMEUCIH0R/mJ4luVyFwvtATHgNcc0ydhn
wekB+gxF93nbj+aOAiEAyQEadKLWTYf0NSedlizy9+iggubTcEvgMWLQSaoMPsg=
-----END CERTIFICATE-----
"""


def for_a_site(certificate: str, directory: Path) -> ssl.SSLContext:
    """What a `Site(tls=...)` needs to serve with this certificate; `directory` takes the file that ssl insists on."""
    file = directory / "site.pem"
    file.write_text(_KEY + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def for_a_reader(*trusted: str) -> ssl.SSLContext:
    """What a `HttpClient(tls=...)` needs to trust these certificates and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for certificate in trusted:
        context.load_verify_locations(cadata=certificate)
    return context
