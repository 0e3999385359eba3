ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6
FROM ${BASE_IMAGE}

WORKDIR /airbyte/integration_code

# The dependencies have a layer of their own, made from pyproject.toml alone.
COPY pyproject.toml ./
RUN python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' >/tmp/dependencies.txt \
    && pip install --no-cache-dir --requirement /tmp/dependencies.txt \
    && rm /tmp/dependencies.txt

COPY README.md main.py ./
COPY source_confluence ./source_confluence
RUN pip install --no-cache-dir --no-deps .

USER airbyte
ENV AIRBYTE_ENTRYPOINT="python /airbyte/integration_code/main.py"
ENTRYPOINT ["python", "/airbyte/integration_code/main.py"]

LABEL io.airbyte.name=airbyte/source-confluence
LABEL io.airbyte.version=2.0.0
