#!/bin/sh
# The tests drive real browsers, a real redis-server and a real Caddy. Install what is missing where that is possible
# without asking (Debian, as root or with passwordless sudo); elsewhere the tests that need it skip and say why.
missing=""
has() { for name; do command -v "$name" >/dev/null && return 0; done; return 1; }
has redis-server || missing="$missing redis-server"
has chromium chromium-browser google-chrome || missing="$missing chromium fonts-noto-cjk"
has firefox-esr firefox || missing="$missing firefox-esr"
has WebKitWebDriver || missing="$missing webkit2gtk-driver"
has Xvfb || missing="$missing xvfb"
has caddy || missing="$missing caddy"
[ -z "$missing" ] && exit 0
has apt-get || { echo "tests: not installed here:$missing"; exit 0; }
if [ "$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else
  echo "tests: not installed here:$missing (no root, no sudo)"; exit 0
fi
echo "tests: installing$missing"
$sudo apt-get update -qq >/dev/null 2>&1
# One by one: a package that this Debian does not have stops no other.
for package in $missing; do
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null 2>&1 \
    || echo "tests: could not install $package"
done
exit 0
