// Tells the server the reader's time zone, by a cookie: from the next page on, times are those of the reader's clock.
"use strict";
{
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  const cookie = `monitor_zone=${encodeURIComponent(zone)}`;
  if (zone && !document.cookie.split("; ").includes(cookie)) {
    document.cookie = `${cookie}; path=/; max-age=31536000; samesite=strict`;
  }
}
