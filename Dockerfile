# syntax: two stages; the first builds exactly as `make` does, the second carries only what runs.
# BASE: another name of the same system, for places with their own authorities or mirrors.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS build
WORKDIR /src
COPY conf conf
RUN apt-get update && conf/deps.sh build
COPY . .
RUN apt-get update && make -j"$(nproc)" && strip build/container-monkey

FROM ${BASE}
RUN apt-get update \
	&& apt-get install -y --no-install-recommends ca-certificates libsqlite3-0 libarchive13 libcurl4 libjson-c5 \
		libsodium23 libzstd1 libisal2 libssl3 zlib1g \
	&& apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
	&& useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin container-monkey
COPY --from=build /src/build/container-monkey /usr/local/bin/container-monkey
# FLASK_PORT is the name older set-ups know; CM_PORT goes before it.
ENV CM_DATA=/backups CM_BIND=0.0.0.0 FLASK_PORT=80
VOLUME /backups
EXPOSE 80
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["container-monkey", "--health"]
ENTRYPOINT ["container-monkey"]
