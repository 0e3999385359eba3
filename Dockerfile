ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6

FROM ${BASE_IMAGE} AS wheel
WORKDIR /build
COPY pyproject.toml README.md ./
COPY source_confluence ./source_confluence
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM ${BASE_IMAGE}
WORKDIR /airbyte/integration_code

# The dependencies, as pinned, have a layer of their own.
COPY requirements.txt ./
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements.txt

# Copied, not mounted: buildah 1.28 takes a cached layer for a mount whose contents have changed.
COPY --from=wheel /wheel /tmp/wheel
RUN pip install --no-cache-dir --no-deps /tmp/wheel/*.whl && rm -r /tmp/wheel
COPY main.py ./

# The user airbyte of the base image.
USER 1000
ENV AIRBYTE_ENTRYPOINT="python /airbyte/integration_code/main.py"
ENTRYPOINT ["python", "/airbyte/integration_code/main.py"]

LABEL io.airbyte.name=airbyte/source-confluence
LABEL io.airbyte.version=2.2.0
LABEL org.opencontainers.image.title=source-confluence
LABEL org.opencontainers.image.description="Airbyte source for Confluence Cloud: pages, blog posts, spaces, audit log and groups, complete and with bodies."
LABEL org.opencontainers.image.version=2.2.0
LABEL org.opencontainers.image.licenses=MIT
LABEL org.opencontainers.image.documentation=https://docs.airbyte.com/integrations/sources/confluence
