#!/bin/sh
# The tests drive a real browser and a real redis-server. Install what is missing where that is possible without
# asking (Debian, as root or with passwordless sudo); elsewhere the tests that need it skip and say why.
missing=""
command -v redis-server >/dev/null || missing="$missing redis-server"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
  || missing="$missing chromium fonts-noto-cjk"
[ -z "$missing" ] && exit 0
command -v apt-get >/dev/null || { echo "tests: not installed here:$missing"; exit 0; }
if [ "$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else
  echo "tests: not installed here:$missing (no root, no sudo)"; exit 0
fi
echo "tests: installing$missing"
# shellcheck disable=SC2086
{ $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq $missing; } >/dev/null 2>&1 \
  || echo "tests: could not install$missing"
