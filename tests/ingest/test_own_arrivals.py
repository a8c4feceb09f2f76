"""What a site says of its own: its hosts, hosts that visitors pass through, and rules of channels."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dangol.cli import main
from dangol.settings import load
from ingest.enrich.channels import arrival
from ingest.enrich.enrich import facts
from ingest.enrich.sources.places import places
from tracker.event import Event
from tracker.fields.channel_rules import CHANNELS, ChannelRule, matches, parse_rule, written
from tracker.sites import Site, Sites, SitesInvalid, refused

SHOP = "https://www.shop.co.kr/cart"
SITE = Site(id="s", write_key="w", secret_key="k")
TAGGED = SHOP + "?utm_source=may&utm_medium=email"


def of(**fields: object) -> Site:
    return msgspec.structs.replace(SITE, **fields)


@given(
    st.lists(st.from_regex(r"\A[a-z0-9]{1,8}\Z"), max_size=4), st.sampled_from(["", "/", "/a?b=c", ":8443/x"])
)
def test_every_host_of_the_pages_own_domain_is_internal(labels: list[str], rest: str) -> None:
    host = ".".join([*labels, "shop.co.kr"])
    for page in (SHOP, f"https://{host}/", "https://m.shop.co.kr/p"):
        assert arrival(page, f"https://{host}{rest}") is None
        assert arrival(page, f"https://{host}{rest}", SITE) is None


@pytest.mark.parametrize(
    ("page", "referrer", "own"),
    [
        ("https://kim.myshopify.com/", "https://lee.myshopify.com/", False),
        ("https://kim.myshopify.com/", "https://checkout.kim.myshopify.com/", True),
        ("https://kim.cafe24.com/", "https://lee.cafe24.com/", False),
        ("https://shop.co.kr/", "https://other.co.kr/", False),
        ("https://kim.github.io/", "https://lee.github.io/", False),
        ("http://localhost:3000/", "http://localhost:8000/", True),
        ("http://192.0.2.7/", "http://192.0.3.7/", False),
        ("https://shop.example/", "https://shop.example.evil.example/", False),
        ("https://shop.example/", "https://notshop.example/", False),
        ("https://shop.example/", "https://SHOP.example.:443/", True),
    ],
)
def test_whose_host_it_is(page: str, referrer: str, own: bool) -> None:
    assert (arrival(page, referrer) is None) is own


def test_the_sites_further_hosts_are_its_own() -> None:
    mine = of(own_hosts=("shop.de", "*.blog.example"), origins=("https://app.example:8443",))
    for host in ("shop.de", "www.shop.de", "eu.shop.de", "a.blog.example", "blog.example", "app.example"):
        assert arrival(SHOP, f"https://{host}/", mine) is None, host
    for host in ("myshop.de", "shop.de.example", "log.example"):
        assert arrival(SHOP, f"https://{host}/", mine) is not None, host


def passing_hosts() -> list[str]:
    known = places()
    return [
        host.replace("*", "de")
        for table in (known.exact, known.below)
        for host, place in table.items()
        if place.kind == "passing"
    ]


def referrer_of(host: str) -> str:
    return (
        f"android-app://{host.removeprefix('app/')}/" if host.startswith("app/") else f"https://{host}/x?y=z"
    )


def test_who_comes_back_from_a_payment_or_a_sign_in_comes_from_nowhere() -> None:
    assert len(passing_hosts()) > 400
    for host in passing_hosts():
        assert arrival(SHOP, referrer_of(host)) is None, host
        tagged = arrival(TAGGED, referrer_of(host))
        assert tagged and (tagged.channel, tagged.origin) == ("e-mail", "may"), host


@pytest.mark.parametrize(
    "host",
    [
        "www.paypal.com",
        "checkout.paypal.com",
        "hooks.stripe.com",
        "checkout.stripe.com",
        "js.klarna.com",
        "pay.klarna.com",
        "checkoutshopper-live.adyen.com",
        "payment-gateway.tosspayments.com",
        "pay.toss.im",
        "online-pay.kakaopay.com",
        "order.pay.naver.com",
        "nid.naver.com",
        "stdpay.inicis.com",
        "mobile.inicis.com",
        "web.nicepay.co.kr",
        "accounts.google.com",
        "accounts.google.co.kr",
        "pay.google.com",
        "kauth.kakao.com",
        "accounts.kakao.com",
        "login.microsoftonline.com",
        "login.live.com",
        "appleid.apple.com",
        "shop.app",
        "checkout.shopify.com",
        "secure7.arcot.com",
        "centinelapi.cardinalcommerce.com",
        "vbv.shinhancard.com",
        "www.przelewy24.pl",
        "secure.payu.com",
        "access.line.me",
        "tenant.eu.auth0.com",
        "acme.okta.com",
        "api.razorpay.com",
        "mapi.alipay.com",
        "www.mollie.com",
        "secure.worldpay.com",
        "portal.afterpay.com",
        "sandbox.affirm.com",
    ],
)
def test_hosts_one_passes_through(host: str) -> None:
    assert arrival(SHOP, f"https://{host}/") is None


def test_the_sites_further_hosts_to_pass_through() -> None:
    mine = of(pass_through_hosts=("pay.bank.example",))
    assert arrival(SHOP, "https://acs.pay.bank.example/", mine) is None
    assert arrival(SHOP, "https://www.bank.example/", mine) is not None
    assert arrival(TAGGED, "https://pay.bank.example/", mine) is not None


RULES = (
    ChannelRule(host="*.partner.example", channel="affiliate", as_source="partner"),
    ChannelRule(source="FB", medium="cpc", channel="display"),
    ChannelRule(campaign="spring*", channel="push", as_medium="web-push"),
    ChannelRule(host="launcher.example", channel="direct"),
)


@pytest.mark.parametrize(
    ("url", "referrer", "channel", "origin", "medium"),
    [
        (SHOP, "https://eu.partner.example/", "affiliate", "partner", "referral"),
        (SHOP, "https://partner.example/", "referral", "partner.example", "referral"),
        (SHOP + "?utm_source=facebook&utm_medium=CPC", "", "display", "facebook", "cpc"),
        (SHOP + "?utm_source=fb&utm_medium=social", "", "social", "facebook", "social"),
        (SHOP + "?utm_source=x&utm_campaign=Spring_26", "", "push", "x", "web-push"),
        (SHOP + "?utm_source=fb&utm_medium=cpc&utm_campaign=spring", "", "display", "facebook", "cpc"),
    ],
)
def test_the_first_rule_that_fits_decides(
    url: str, referrer: str, channel: str, origin: str, medium: str
) -> None:
    came = arrival(url, referrer, of(channel_rules=RULES))
    assert came and (came.channel, came.origin, came.medium) == (channel, origin, medium)
    plain = arrival(url, referrer)
    assert plain and plain.key == came.key


def test_a_rule_can_say_that_visits_are_direct() -> None:
    assert arrival(SHOP, "https://launcher.example/", of(channel_rules=RULES)) is None


def test_ingest_asks_the_sites_rules() -> None:
    event = Event(
        site="s",
        id="1",
        type="page",
        visitor="v",
        ts=1,
        received=1,
        source="snippet",
        url=SHOP,
        referrer="https://a.partner.example/",
    )
    assert (touch := facts(event, of(channel_rules=RULES)).touch) and touch.channel == "affiliate"
    assert facts(event, of(pass_through_hosts=("partner.example",))).touch is None


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "acb", False),
        ("*", "", True),
        ("ab*ba", "aba", False),
        ("**x", "x", True),
        ("A", "a", True),
        ("", "a", False),
    ],
)
def test_patterns(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


@given(
    st.builds(
        ChannelRule,
        channel=st.sampled_from(CHANNELS),
        host=st.sampled_from(["", "*.a.example"]),
        source=st.sampled_from(["", "x", "네이버*"]),
        medium=st.sampled_from(["cpc", "e mail"]),
        as_source=st.sampled_from(["", "y"]),
        as_medium=st.sampled_from(["", "z"]),
    )
)
def test_a_rule_that_is_written_is_read_again(rule: ChannelRule) -> None:
    assert parse_rule(written(rule)) == rule


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"own_hosts": ("https://shop.example",)}, "own_hosts"),
        ({"own_hosts": ("a*.example",)}, "own_hosts"),
        ({"own_hosts": ("",)}, "own_hosts"),
        ({"pass_through_hosts": ("bank.example/path",)}, "pass_through_hosts"),
        ({"pass_through_hosts": ("x.example",) * 201}, "at most 200"),
        ({"channel_rules": (ChannelRule(channel="paid", source="x"),)}, "is no channel; there are direct"),
        ({"channel_rules": (ChannelRule(channel="push"),)}, "channel rule 1: it needs a condition"),
        ({"channel_rules": (ChannelRule(channel="push", source="**"),)}, "fit every arrival"),
        ({"channel_rules": (ChannelRule(channel="push", host="https://x.example"),)}, "is no host"),
        ({"channel_rules": (ChannelRule(channel="push", source="x" * 201),)}, "at most 200 characters"),
        ({"channel_rules": (ChannelRule(channel="push", source="x"),) * 201}, "at most 200 channel rules"),
    ],
)
def test_each_mistake_is_told(fields: dict[str, object], said: str, tmp_path: Path) -> None:
    wrong = of(**fields)
    assert said in refused(wrong)
    with pytest.raises(SitesInvalid, match="site 's'"):
        Sites(tmp_path / "sites.json").save(wrong)


def test_they_are_kept_and_set_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["sites", *arguments])
        return done.exit_code, done.output

    run("add", "shop")
    rule = "source=partner*, medium=cpc => affiliate, source=partners"
    done = run("set", "shop", "--own-host", "a.example", "--own-host", "b.example", "--channel-rule", rule)
    assert done == (0, f"shop: own_hosts = a.example b.example\nshop: channel_rules = {rule}\n")
    assert run("set", "shop", "--pass-through-host", "pay.example")[0] == 0
    kept = Sites(load().sites_file).get("shop")
    assert (
        kept and kept.own_hosts == ("a.example", "b.example") and kept.pass_through_hosts == ("pay.example",)
    )
    assert kept.channel_rules == (parse_rule(rule),)
    for wrong in ("x", "source=x => nowhere", "colour=red => push", "=> push"):
        code, said = run("set", "shop", "--channel-rule", wrong)
        assert code != 0 and "--channel-rule" in said
    assert run("set", "shop", "--own-host", "", "--channel-rule", "")[0] == 0
    after = Sites(load().sites_file).get("shop")
    assert after and (after.own_hosts, after.channel_rules) == ((), ())
    assert after.pass_through_hosts == ("pay.example",)
