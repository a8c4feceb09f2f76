FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 redis-server curl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock \
    && pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --create-home dangol && mkdir /data && chown dangol /data
USER dangol
ENV DANGOL_DATA=/data DANGOL_HOST=0.0.0.0
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["dangol"]
CMD ["up"]
