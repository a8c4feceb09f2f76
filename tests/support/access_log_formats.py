"""Lines of access logs as servers write them: each format says the same three page views of two visitors.

Written from the servers' documentation; tests/ingest/data has lines that real servers wrote.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

from tests.support.access_log_lines import CHROME

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
GOOGLE = "https://www.google.com/"


class View(NamedTuple):
    """A request: seconds since the epoch, the client's address, the page, the referrer and the user agent."""

    at: float
    ip: str
    path: str
    referrer: str
    ua: str

    @property
    def clf(self) -> str:
        return f"{datetime.fromtimestamp(self.at, UTC):%d/%b/%Y:%H:%M:%S} +0000"

    @property
    def iso(self) -> str:
        return f"{datetime.fromtimestamp(self.at, UTC):%Y-%m-%dT%H:%M:%S}"

    @property
    def core(self) -> str:
        return f'[{self.clf}] "GET {self.path} HTTP/1.1" 200 512 "{self.referrer or "-"}" "{self.ua}"'


def views(count: int = 30) -> list[View]:
    """``count`` page views, of a different visitor each."""
    start = datetime(2026, 3, 4, 5, 0, tzinfo=UTC).timestamp()
    return [
        View(
            start + number * 7,
            f"203.0.{number}.7" if number % 3 else f"2001:db8:{number}::7",
            f"/p{number}?q=1",
            GOOGLE if number % 2 else "",
            CHROME if number % 2 else FIREFOX,
        )
        for number in range(count)
    ]


def _iis(view: View) -> str:
    date, time = view.iso.split("T")
    path, _, query = view.path.partition("?")
    agent = view.ua.replace(" ", "+")
    return (
        f"{date} {time} 10.0.0.4 GET {path} {query} 443 - {view.ip} {agent} {view.referrer or '-'} 200 0 0 15"
    )


def _cloudfront(view: View) -> str:
    date, time = view.iso.split("T")
    path, _, query = view.path.partition("?")
    values = [date, time, "FRA50-C1", "512", view.ip, "GET", "d111.cloudfront.net", path, "200"]
    values += [
        view.referrer or "-",
        quote(view.ua, safe="/;(),:"),
        query,
        "-",
        "Hit",
        "abc==",
        "shop.example",
        "https",
    ]
    return "\t".join(values)


def _alb(view: View) -> str:
    ip = f"[{view.ip}]" if ":" in view.ip else view.ip
    return (
        f"https {view.iso}.186641Z app/my-lb/50dc6c495c0c9188 {ip}:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "
        f'"GET https://shop.example:443{view.path} HTTP/1.1" "{view.ua}" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
        'arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/t/73e2d6bc24d8a067 "Root=1-58337262-36d2" '
        f'"shop.example" "-" 100 {view.iso}.186000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"'
    )


def _elb(view: View) -> str:
    return (
        f"{view.iso}.943945Z my-lb {view.ip}:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "
        f'"GET https://shop.example:443{view.path} HTTP/1.1" "{view.ua}" - -'
    )


def _haproxy(view: View, captures: str = "") -> str:
    return (
        f"{view.ip}:33317 [{view.clf.split()[0]}.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- "
        f'1/1/1/1/0 0/0 {captures}"GET {view.path} HTTP/1.1"'
    )


def _nginx_json(view: View) -> str:
    return json.dumps(
        {
            "time_iso8601": view.iso + "+00:00",
            "remote_addr": view.ip,
            "request_method": "GET",
            "request_uri": view.path,
            "host": "shop.example",
            "status": "200",
            "body_bytes_sent": "512",
            "request_time": "0.004",
            "http_referer": view.referrer,
            "http_user_agent": view.ua,
        }
    )


def _nginx_json_request(view: View) -> str:
    fields = {
        "msec": f"{view.at:.3f}",
        "remote_addr": "10.0.0.9",
        "request": f"GET {view.path} HTTP/2.0",
        "status": 200,
    }
    return json.dumps(
        {
            **fields,
            "http_x_forwarded_for": view.ip,
            "http_referrer": view.referrer,
            "http_user_agent": view.ua,
        }
    )


def _caddy(view: View) -> str:
    headers = {"User-Agent": [view.ua], **({"Referer": [view.referrer]} if view.referrer else {})}
    request = {"remote_ip": view.ip, "remote_port": "41342", "client_ip": view.ip, "proto": "HTTP/2.0"}
    request |= {"method": "GET", "host": "shop.example", "uri": view.path}
    return json.dumps(
        {
            "level": "info",
            "ts": view.at,
            "logger": "http.log.access",
            "msg": "handled request",
            "request": {**request, "headers": headers, "tls": {"resumed": False, "version": 772}},
            "duration": 0.000929675,
            "size": 10900,
            "status": 200,
            "resp_headers": {"Server": ["Caddy"]},
        }
    )


def _traefik_json(view: View) -> str:
    client = f"[{view.ip}]" if ":" in view.ip else view.ip
    return json.dumps(
        {
            "ClientAddr": f"{client}:60010",
            "ClientHost": view.ip,
            "DownstreamStatus": 200,
            "Duration": 2033413,
            "RequestHost": "shop.example",
            "RequestMethod": "GET",
            "RequestPath": view.path,
            "RequestProtocol": "HTTP/2.0",
            "StartUTC": view.iso + ".277417346Z",
            "level": "info",
            "msg": "",
            "request_Referer": view.referrer,
            "request_User-Agent": view.ua,
            "time": view.iso + "Z",
        }
    )


_IIS_HEAD = """#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Date: 2026-03-04 05:00:00
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) \
sc-status sc-substatus sc-win32-status time-taken
"""
_CLOUDFRONT_HEAD = """#Version: 1.0
#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) \
cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol
"""


def _envoy(view: View) -> str:
    return (
        f'[{view.iso}.123Z] "GET {view.path} HTTP/1.1" 200 - via_upstream - "-" 0 512 3 2 "{view.ip}" "{view.ua}" '
        '"0f1b-22" "shop.example" "10.0.0.5:8080" outbound|80||shop 10.0.0.9:4242 10.0.0.9:8080 10.0.0.1:3333 - default'
    )


def _google(view: View) -> str:
    request = {"remoteIp": view.ip, "requestMethod": "GET", "requestUrl": "https://shop.example" + view.path}
    request |= {"userAgent": view.ua, "referer": view.referrer}
    return json.dumps({"httpRequest": {**request, "status": 200}, "timestamp": view.iso + ".123456Z"})


def _cloudflare(view: View) -> str:
    fields = {"ClientIP": view.ip, "ClientRequestHost": "shop.example", "ClientRequestMethod": "GET"}
    fields |= {
        "ClientRequestURI": view.path,
        "ClientRequestUserAgent": view.ua,
        "ClientRequestReferer": view.referrer,
    }
    return json.dumps({**fields, "EdgeStartTimestamp": int(view.at * 1e9), "EdgeResponseStatus": 200})


def _elastic(view: View) -> str:
    http = {"request": {"method": "GET", "referrer": view.referrer}, "response": {"status_code": 200}}
    fields = {
        "@timestamp": view.iso + "Z",
        "source": {"ip": view.ip},
        "http": http,
        "host": {"name": "web-1"},
    }
    return json.dumps(
        {**fields, "url": {"original": view.path}, "user_agent": {"original": view.ua}, "message": "x"}
    )


def _apache_json(view: View) -> str:
    path, _, query = view.path.partition("?")
    fields = {"time": f"[{view.clf}]", "remoteIP": view.ip, "host": "shop.example", "request": path}
    fields |= {"query": f"?{query}", "method": "GET", "status": "200", "userAgent": view.ua}
    return json.dumps({**fields, "referer": view.referrer or "-"})


LINES: dict[str, Callable[[View], str]] = {
    "combined": lambda v: f"{v.ip} - - {v.core}",
    "common": lambda v: f"{v.ip} - frank " + v.core.split(' "http')[0].split(' "-"')[0],
    "virtual host": lambda v: f"shop.example {v.ip} - - {v.core}",
    "virtual host and port": lambda v: f"shop.example:443 {v.ip} - - {v.core}",
    "virtual host and client port": lambda v: f"shop.example:443 {_with_port(v.ip)} - - {v.core}",
    "client port": lambda v: f"{_with_port(v.ip)} - - {v.core}",
    "nginx main": lambda v: f'{v.ip} - - {v.core} "-"',
    "nginx main behind a proxy": lambda v: f'10.0.0.1 - - {v.core} "{v.ip}"',
    "nginx main behind two proxies": lambda v: f'10.0.0.1 - - {v.core} "{v.ip}, 198.51.100.7"',
    "X-Forwarded-For first": lambda v: f"{v.ip}, 10.0.0.8 - - {v.core}",
    "X-Forwarded-For before the address": lambda v: f"{v.ip}, 198.51.100.7 10.0.0.8 - - {v.core}",
    "Apache with µs": lambda v: f"{v.ip} - - {v.core} 1532",
    "Apache with µs in between": lambda v: f"{v.ip} - - [{v.clf}] 1532 " + v.core.partition("] ")[2],
    "ingress-nginx": lambda v: (
        f"{v.ip} - - {v.core} 423 0.012 [default-shop-80] [] 10.0.0.5:80 512 0.012 200 abc"
    ),
    "Traefik": lambda v: f'{v.ip} - - {v.core} 17 "shop@docker" "http://172.18.0.3:80" 12ms',
    "Varnish": lambda v: f"{v.ip} - - " + v.core.replace("GET ", "GET http://shop.example"),
    "HAProxy": _haproxy,
    "HAProxy with headers": lambda v: _haproxy(v, f"{{shop.example|{v.ua}|{v.referrer}}} {{nginx}} "),
    "ELB": _elb,
    "ALB": _alb,
    "nginx JSON": _nginx_json,
    "nginx JSON behind a proxy": _nginx_json_request,
    "Caddy": _caddy,
    "Traefik JSON": _traefik_json,
    "IIS": _iis,
    "CloudFront": _cloudfront,
    "time first": lambda v: (
        f'[{v.iso}+00:00] {v.ip} "GET {v.path} HTTP/1.1" 200 "{v.referrer or "-"}" "{v.ua}"'
    ),
    "seconds first": lambda v: (
        f'{v.at:.3f} {v.ip} "GET {v.path} HTTP/1.1" 200 5 "{v.referrer or "-"}" "{v.ua}"'
    ),
    "lighttpd": lambda v: f"{v.ip} shop.example - {v.core}",
    "old ingress-nginx": lambda v: f"10.0.0.1 - [{v.ip}] - - {v.core}",
    "two addresses": lambda v: f"10.0.0.{int(v.at) % 3} {v.ip} - - {v.core}",
    "X-Forwarded-For first, quoted": lambda v: f'"{v.ip}, 10.0.0.3" 10.0.0.1 - - {v.core}',
    "stern": lambda v: f"shop-7d9f nginx {v.ip} - - {v.core}",
    "host last": lambda v: f'{v.ip} - - {v.core} "shop.example" "{v.ip}"',
    "S3": lambda v: (
        f"79a5 bucket [{v.clf}] {v.ip} - 3E57 REST.GET.OBJECT k " + v.core.partition("] ")[2] + " -"
    ),
    "Windows line ends": lambda v: f"{v.ip} - - {v.core}\r",
    "Envoy": _envoy,
    "Google Cloud": _google,
    "Cloudflare": _cloudflare,
    "Elastic": _elastic,
    "Apache JSON": _apache_json,
}
"""Formats by name."""
HEADS = {"IIS": _IIS_HEAD, "CloudFront": _CLOUDFRONT_HEAD}


def _with_port(ip: str) -> str:
    return f"[{ip}]:51234" if ":" in ip else f"{ip}:51234"


def _docker(line: str, view: View) -> str:
    return json.dumps({"log": line + "\n", "stream": "stdout", "time": f"{view.iso}.123456789Z"})


def _journal(line: str, view: View) -> str:
    entry = {"_HOSTNAME": "web-1", "PRIORITY": "6", "MESSAGE": line}
    return json.dumps({**entry, "__REALTIME_TIMESTAMP": str(int(view.at * 1e6))})


def _stamp(view: View, day: str) -> str:
    return f"{datetime.fromtimestamp(view.at, UTC):%b {day} %H:%M:%S}"


WRAPPERS: dict[str, Callable[[str, View], str]] = {
    "syslog": lambda line, v: f"{_stamp(v, '%e')} web-1 nginx: {line}",
    "syslog with priority": lambda line, v: f"<190>{_stamp(v, '%e')} web-1 nginx[12]: {line}",
    "rsyslog": lambda line, v: f"{v.iso}.123456+00:00 web-1 haproxy[4711]: {line}",
    "RFC 5424": lambda line, v: f'<190>1 {v.iso}.003Z web-1.example nginx 4711 - [x@1 a="b \\] c"] {line}',
    "journal": lambda line, v: f"{_stamp(v, '%d')} web-1 nginx[4711]: {line}",
    "journal, ISO times": lambda line, v: f"{v.iso}+0000 web-1 nginx[4711]: {line}",
    "journal JSON": _journal,
    "Kubernetes": lambda line, v: f"{v.iso}.123456789Z stdout F {line}",
    "grep": lambda line, v: f"access.log.1:{line}",
    "kubectl": lambda line, v: f"[pod/shop-7d9f/nginx] {line}",
    "kubectl with times": lambda line, v: f"{v.iso}.123456789Z {line}",
    "Docker": _docker,
    "docker compose": lambda line, v: f"web-1  | {line}",
    "docker compose in colours": lambda line, v: f"\x1b[36mweb-1  | \x1b[0m{line}",
    "docker compose with times": lambda line, v: f"web-1  | {v.iso}.123456789Z {line}",
}
"""What stands around a line, by name."""


def written(name: str, wrapper: str = "", count: int = 30) -> str:
    """The page views in the format ``name``, in ``wrapper``."""
    wrap = WRAPPERS.get(wrapper, lambda line, _: line)
    every = views(count)
    head = "".join(wrap(line, every[0]) + "\n" for line in HEADS.get(name, "").splitlines())
    return head + "".join(wrap(LINES[name](view), view) + "\n" for view in every)
