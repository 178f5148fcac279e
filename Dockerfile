# Two stages: the first installs the locked packages and the bot into /opt/onethread, the second is slim Python and that folder.
#
#   docker build -t onethread .
#   docker run -d --name onethread --env-file onethread.env -v $PWD/app.yaml:/etc/onethread/app.yaml:ro -v onethread:/data onethread
#
# SIGTERM stops it cleanly. Everything that has to last is in /data (and in the database that DATABASE_URL names).

FROM python:3.11-slim AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/onethread && python -m venv /opt/build
COPY requirements/build.lock requirements/run.lock requirements/
RUN /opt/onethread/bin/python -m pip install --require-hashes --requirement requirements/run.lock \
 && /opt/build/bin/python -m pip install --require-hashes --requirement requirements/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot/
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/onethread/bin/python -m pip install --no-deps --no-index dist/*.whl \
 && /opt/onethread/bin/python -m pip check \
 && /opt/onethread/bin/python -m pip uninstall --yes pip setuptools

FROM python:3.11-slim
RUN mkdir -m 0700 /data && chown 10001:10001 /data
COPY --from=build /opt/onethread /opt/onethread
COPY app.yaml /usr/share/onethread/app.yaml
ENV PATH=/opt/onethread/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATABASE_URL=sqlite:////data/onethread.db \
    DATA_DIR=/data \
    ONETHREAD_HEALTH=http://127.0.0.1:8000/healthz
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(os.environ['ONETHREAD_HEALTH'], timeout=4)"]
ENTRYPOINT ["onethread"]
CMD ["run", "--config", "/etc/onethread/app.yaml"]
