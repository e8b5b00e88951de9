"""Reads 500 mail subjects in eight languages with three parsers, and counts what differs from what was written.

    python -m bench.subjects [COUNT]

The parsers are Python's `email` by its new policy, by its old one, and Perl's `Encode` (MIME-Header), which shares no code with
either. The subjects are generated from word lists of our own. Exits with 1 where one differs.
"""

from __future__ import annotations

import subprocess
import sys
from email import message_from_bytes, policy
from email.header import decode_header, make_header

from monitor.alerting.channels import mail_headers
from tests.fakes.headlines import headlines

# One subject a line, folded ones joined by \x1f; the answers likewise, as UTF-8.
_PERL = 'while (<STDIN>) { chomp; s/\\x1f/\\r\\n/g; print encode("UTF-8", decode("MIME-Header", $_)), "\\n" }'


def main() -> int:
    """Print the number of differences of each parser."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    written = [subject for _, subject in headlines(count)]
    values = [mail_headers.text("Subject", each) for each in written]
    mails = [f"Subject: {each}\r\n\r\n".encode("ascii") for each in values]
    read = {
        "email, new policy": [str(message_from_bytes(each, policy=policy.default)["Subject"]) for each in mails],
        "email, old policy": [str(make_header(decode_header(message_from_bytes(each)["Subject"]))) for each in mails],
        "Perl's Encode": _by_perl(values),
    }
    wrong = {name: sum(a != b for a, b in zip(found, written, strict=True)) for name, found in read.items()}
    print(f"{count} subjects; differences: " + ", ".join(f"{name} {found}" for name, found in wrong.items()))
    return 1 if any(wrong.values()) else 0


def _by_perl(values: list[str]) -> list[str]:
    asked = "\n".join(each.replace("\r\n", "\x1f") for each in values) + "\n"
    answer = subprocess.run(["perl", "-MEncode", "-e", _PERL], input=asked.encode(), capture_output=True, check=True)
    return answer.stdout.decode().split("\n")[:-1]


if __name__ == "__main__":
    sys.exit(main())
