"""Consent that others ask for, in a real browser: what their banners say is what the snippet does.

The banners here speak as their documentation says: gtag's queue, the queue and the events of IAB's TCF, Shopify's
feature, WordPress's functions.
"""

import time
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.snippet_pages import Shop, eventually, names
from tests.support.tracker_server import TrackerServer
from tracker.event import Event

pytestmark = pytest.mark.browser

QUIET_SECONDS = 0.6

GTAG = "window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments) }"
EACH = "{analytics_storage: 'X', ad_storage: 'X', ad_personalization: 'X'}"
DENIED = f"gtag('consent', 'default', {EACH.replace('X', 'denied')});"
# IAB's stub: what is called before the banner is there waits in a queue, which the banner works off.
TCF = """
    (() => { let queue = []; window.__tcfapi = (...args) => { if (!args.length) return queue; queue.push(args) } })();
    window.banner = (first) => {
        let listeners = [], told = first, waited = window.__tcfapi();
        window.__tcfapi = (command, version, callback) => {
            if (command != 'addEventListener') return callback(null, false);
            listeners.push(callback);
            callback({...told, listenerId: listeners.length}, true);
        };
        waited.forEach(args => window.__tcfapi(...args));
        window.choose = data => {
            told = data;
            listeners.forEach((each, id) => each({...data, listenerId: id + 1}, true));
        };
    };
    window.purposes = (...ids) => Object.fromEntries([...Array(11).keys()].map(id => [id, ids.includes(id)]));
    window.tc = (eventStatus, ...ids) => ({gdprApplies: true, tcfPolicyVersion: 5, cmpStatus: 'loaded', eventStatus,
        purpose: {consents: purposes(...ids), legitimateInterests: purposes()}});
"""
SHOPIFY = """
    window.privacy = {analytics: false, preferences: false, marketing: false, banner: true};
    window.Shopify = {loadFeatures(features, done) {
        if (features[0].name != 'consent-tracking-api') return done(new Error('unknown feature'));
        setTimeout(() => {
            Shopify.customerPrivacy = {
                analyticsProcessingAllowed: () => privacy.analytics,
                preferencesProcessingAllowed: () => privacy.preferences,
                marketingAllowed: () => privacy.marketing,
                shouldShowBanner: () => privacy.banner
            };
            done();
        }, 50);
    }};
    window.choose = choice => {
        Object.assign(privacy, choice, {banner: false});
        document.dispatchEvent(new CustomEvent('visitorConsentCollected', {detail: choice}));
    };
"""
WORDPRESS = """
    window.wp_consent_type = 'optin';
    window.given = {};
    window.wp_has_consent = category => !!given[category] || category == 'functional';
    window.wp_set_consent = (category, value) => {
        given[category] = value == 'allow';
        document.cookie = 'wp_consent_' + category + '=' + value;
        document.dispatchEvent(new CustomEvent('wp_listen_for_consent_change', {detail: {[category]: value}}));
    };
"""
ALL = {"analytics": True, "personalization": True, "marketing": True}
BANNERS = {
    "google": (
        GTAG + DENIED,
        f"gtag('consent', 'update', {EACH.replace('X', 'granted')})",
        f"gtag('consent', 'update', {EACH.replace('X', 'denied')})",
    ),
    "tcf": (
        TCF + "banner(tc('cmpuishown'));",
        "choose(tc('useractioncomplete', 1, 3, 4, 5, 6, 8, 9))",
        "choose(tc('useractioncomplete'))",
    ),
    "shopify": (
        SHOPIFY,
        "choose({analytics: true, preferences: true, marketing: true})",
        "choose({analytics: false, preferences: false, marketing: false})",
    ),
    "wordpress": (
        WORDPRESS,
        "['preferences', 'marketing', 'statistics'].forEach(each => wp_set_consent(each, 'allow'))",
        "['preferences', 'marketing', 'statistics'].forEach(each => wp_set_consent(each, 'deny'))",
    ),
}


def served(shop: Shop, script: str, init: str = "'wk_test'") -> None:
    shop.pages["/"] = f"<script>{script}</script>" + shop.page(init=init)


def nameless(event: Event) -> bool:
    return (event.visitor or "")[0] == "~" and event.user is None


def choice(page: Page) -> Any:
    return page.evaluate("JSON.parse(localStorage.dangol_c || 'null')")


@pytest.mark.parametrize("name", BANNERS)
def test_what_a_banner_says_is_honoured(shop: Shop, page: Page, tracker: TrackerServer, name: str) -> None:
    script, agree, refuse = BANNERS[name]
    served(shop, script)
    page.goto(shop.url)
    (view,) = tracker.wait_for(1)
    assert nameless(view)  # until somebody chooses, nothing is stored
    assert [cookie["name"] for cookie in page.context.cookies() if "dangol" in cookie["name"]] == []
    assert choice(page) is None
    page.evaluate(agree)
    eventually(lambda: choice(page) == ALL)
    page.evaluate("dangol('track', 'Agreed')")
    eventually(lambda: "Agreed" in names(tracker.unique()))
    agreed = next(event for event in tracker.unique() if event.name == "Agreed")
    assert not nameless(agreed)
    assert agreed.context["consent"] == ALL
    page.evaluate(refuse)
    eventually(lambda: choice(page) == dict.fromkeys(ALL, False))
    assert [cookie["name"] for cookie in page.context.cookies() if "dangol" in cookie["name"]] == []
    page.evaluate("dangol('track', 'Refused')")
    eventually(lambda: "Refused" in names(tracker.unique()))
    assert nameless(next(event for event in tracker.unique() if event.name == "Refused"))


def test_a_banner_that_lets_everything_pass_changes_nothing(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    served(
        shop,
        GTAG + "gtag('consent', 'default', {analytics_storage: 'granted'}); dataLayer.push({event: 'x'})",
    )
    page.goto(shop.url)
    (view,) = tracker.wait_for(1)
    assert not nameless(view)
    assert choice(page) is None


def test_where_the_gdpr_does_not_apply_the_tcf_says_nothing(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    served(shop, TCF + "banner({gdprApplies: false, cmpStatus: 'loaded', eventStatus: 'tcloaded'});")
    page.goto(shop.url)
    assert not nameless(tracker.wait_for(1)[0])


def test_a_banner_that_never_answers_has_agreed_to_nothing(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    served(shop, TCF)
    page.goto(shop.url)
    assert nameless(tracker.wait_for(1)[0])


def test_a_returning_visitor_is_known_from_the_first_view(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    served(shop, TCF + "banner(tc('tcloaded', 1, 8));")
    page.goto(shop.url)
    view, said = tracker.wait_for(2)
    assert sorted([view.type, said.type]) == ["consent", "page"]
    assert view.visitor == said.visitor and not nameless(view)
    page.goto(shop.url)
    again = tracker.wait_for(3)
    time.sleep(QUIET_SECONDS)
    assert names(tracker.unique()) == [*names([view, said]), "page"]  # what was told is not told again
    assert again[2].visitor == view.visitor


def test_of_two_banners_the_stricter_holds(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    served(
        shop,
        GTAG + "gtag('consent', 'update', {analytics_storage: 'granted'});" + TCF + "banner(tc('tcloaded'));",
    )
    page.goto(shop.url)
    tracker.wait_for(1)
    time.sleep(QUIET_SECONDS)
    assert all(map(nameless, [event for event in tracker.unique() if event.type == "page"]))
    assert choice(page)["analytics"] is False


def test_where_the_site_wants_no_signals_none_is_read(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    served(shop, GTAG + DENIED, "'wk_test',{signals:false}")
    page.goto(shop.url)
    assert not nameless(tracker.wait_for(1)[0])
    assert not any("consent" in url for url in requested)


def test_debug_says_which_signal_was_read_and_what_it_means(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
    )
    served(shop, GTAG + DENIED)
    page.goto(shop.url)
    tracker.wait_for(1)
    with page.expect_console_message(lambda message: 'google means {"analytics":false' in message.text):
        page.evaluate("dangol('debug')")
    assert any("Global Privacy Control" in text for text in said)


CNIL = "'wk_test',{signals:'cnil'}"


def test_after_the_french_exemption_the_cookie_is_not_renewed(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    def left() -> float:
        (cookie,) = (each for each in page.context.cookies() if each["name"] == "dangol_v")
        return (cookie["expires"] - time.time()) / 86_400

    shop.pages["/"] = shop.page(init=CNIL)
    page.goto(shop.url)
    tracker.wait_for(1)
    assert 390 < left() < 396
    page.evaluate("localStorage.dangol_b = JSON.stringify({at: Date.now() / 1e3 - 100 * 86400 | 0})")
    page.goto(shop.url)
    first, second = tracker.wait_for(2)
    assert first.visitor == second.visitor and 290 < left() < 296
    page.evaluate("localStorage.dangol_b = JSON.stringify({at: Date.now() / 1e3 - 400 * 86400 | 0})")
    page.goto(shop.url)
    third = tracker.wait_for(3)[2]
    assert third.visitor != first.visitor and 390 < left() < 396


def test_after_the_french_exemption_nothing_is_personalized_until_the_visitor_agrees(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    shop.pages["/"] = shop.page(init=CNIL)
    page.goto(shop.url)
    (view,) = tracker.wait_for(1)
    assert view.context["consent"] == {"personalization": False, "marketing": False}
    page.evaluate("dangol('consent', {personalization: true})")
    said = tracker.wait_for(2)[1]
    assert said.type == "consent" and said.props["personalization"] is True
    page.goto(shop.url)
    again = tracker.wait_for(3)[2]
    assert again.context["consent"] == {"personalization": True, "marketing": False}
    page.evaluate("dangol('consent', {analytics: false})")
    tracker.wait_for(4)
    assert not [each for each in page.context.cookies() if each["name"] == "dangol_v"]
