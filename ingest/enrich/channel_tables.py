"""Search engines, social networks, AI assistants, click ids and spam referrers, by host or parameter.

These tables are data to be read and extended; ``ingest.enrich.channels.arrival`` is the rule that uses them.
"""

# Search engines: a label that stands in the host → (name, parameters that hold the search words).
# Most engines no longer pass the words on; Korean portals still do, some of them in EUC-KR.
ENGINES: dict[str, tuple[str, tuple[str, ...]]] = {
    "google": ("google", ("q", "query")),
    "bing": ("bing", ("q",)),
    "naver": ("naver", ("query", "oquery")),
    "daum": ("daum", ("q",)),
    "zum": ("zum", ("query",)),
    "nate": ("nate", ("q", "query")),
    "duckduckgo": ("duckduckgo", ("q",)),
    "yahoo": ("yahoo", ("p", "q")),
    "yandex": ("yandex", ("text", "query")),
    "ya": ("yandex", ("text",)),
    "baidu": ("baidu", ("wd", "word", "kw")),
    "ecosia": ("ecosia", ("q",)),
    "qwant": ("qwant", ("q",)),
    "startpage": ("startpage", ("query", "q")),
    "search.brave": ("brave", ("q",)),
    "kagi": ("kagi", ("q",)),
    "seznam": ("seznam", ("q",)),
    "sogou": ("sogou", ("query",)),
    "so": ("so.com", ("q",)),
    "ask": ("ask", ("q",)),
    "aol": ("aol", ("q", "query")),
    "swisscows": ("swisscows", ("query",)),
    "mojeek": ("mojeek", ("q",)),
    "rambler": ("rambler", ("query",)),
    "coccoc": ("coccoc", ("query",)),
}
SHORT_ENGINES = frozenset({"ya", "so", "ask", "zum", "nate"})  # short: the site's own name only

# Hosts of a search company that are not its search: mail, blogs, cafés, maps.
NOT_SEARCH: dict[str, tuple[str, str]] = {
    "mail.google.com": ("e-mail", "gmail"),
    "mail.naver.com": ("e-mail", "naver mail"),
    "mail.yahoo.com": ("e-mail", "yahoo mail"),
    "mail.daum.net": ("e-mail", "daum mail"),
    "mail.nate.com": ("e-mail", "nate mail"),
    "mail.yandex.ru": ("e-mail", "yandex mail"),
    "outlook.live.com": ("e-mail", "outlook"),
    "outlook.office.com": ("e-mail", "outlook"),
    "com.google.android.gm": ("e-mail", "gmail"),
    "gemini.google.com": ("AI assistant", "gemini"),
    "copilot.microsoft.com": ("AI assistant", "copilot"),
    "blog.naver.com": ("social", "naver blog"),
    "cafe.naver.com": ("social", "naver cafe"),
    "band.us": ("social", "naver band"),
    "cafe.daum.net": ("social", "daum cafe"),
    "groups.google.com": ("social", "google groups"),
}

ASSISTANTS = {
    "chatgpt.com": "chatgpt",
    "chat.openai.com": "chatgpt",
    "perplexity.ai": "perplexity",
    "claude.ai": "claude",
    "you.com": "you.com",
    "chat.mistral.ai": "mistral",
    "chat.deepseek.com": "deepseek",
    "meta.ai": "meta ai",
    "grok.com": "grok",
    "poe.com": "poe",
    "clova-x.naver.com": "clova x",
    "wrtn.ai": "wrtn",
}

SOCIAL = {
    "facebook.com": "facebook",
    "fb.com": "facebook",
    "fb.me": "facebook",
    "instagram.com": "instagram",
    "threads.net": "threads",
    "twitter.com": "x",
    "t.co": "x",
    "x.com": "x",
    "youtube.com": "youtube",
    "youtu.be": "youtube",
    "linkedin.com": "linkedin",
    "lnkd.in": "linkedin",
    "pinterest.com": "pinterest",
    "pin.it": "pinterest",
    "reddit.com": "reddit",
    "tiktok.com": "tiktok",
    "kakao.com": "kakao",
    "pf.kakao.com": "kakao",
    "story.kakao.com": "kakao",
    "tistory.com": "tistory",
    "brunch.co.kr": "brunch",
    "t.me": "telegram",
    "telegram.org": "telegram",
    "line.me": "line",
    "vk.com": "vk",
    "weibo.com": "weibo",
    "whatsapp.com": "whatsapp",
    "wa.me": "whatsapp",
    "news.ycombinator.com": "hacker news",
    "mastodon.social": "mastodon",
    "bsky.app": "bluesky",
    "quora.com": "quora",
    "tumblr.com": "tumblr",
    "discord.com": "discord",
    "snapchat.com": "snapchat",
}

# Click ids that ad networks append: parameter → (origin, medium).
CLICK_IDS = {
    "gclid": ("google", "cpc"),
    "gbraid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "dclid": ("google", "display"),
    "msclkid": ("bing", "cpc"),
    "yclid": ("yandex", "cpc"),
    "n_click_id": ("naver", "cpc"),
    "NaPm": ("naver", "cpc"),
    "fbclid": ("facebook", ""),  # Facebook adds it to unpaid links, too
    "ttclid": ("tiktok", "paid social"),
    "twclid": ("x", "paid social"),
    "li_fat_id": ("linkedin", "paid social"),
    "epik": ("pinterest", "paid social"),
    "rdt_cid": ("reddit", "paid social"),
    "mc_eid": ("mailchimp", "email"),
}

UTM = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_term"})

# Sites that send made-up visits to be seen in reports.
SPAM = frozenset(
    {
        "semalt.com",
        "buttons-for-website.com",
        "darodar.com",
        "best-seo-offer.com",
        "free-share-buttons.com",
        "get-free-traffic-now.com",
        "100dollars-seo.com",
        "success-seo.com",
        "videos-for-your-business.com",
        "event-tracking.com",
        "social-buttons.com",
        "simple-share-buttons.com",
        "ilovevitaly.com",
        "priceg.com",
        "hulfingtonpost.com",
        "trafficmonetize.org",
        "webmonetizer.net",
        "traffic2money.com",
        "floating-share-buttons.com",
        "buy-cheap-online.info",
        "o-o-6-o-o.com",
        "iskalko.ru",
        "econom.co",
        "blackhatworth.com",
    }
)

PAID = frozenset(
    {"cpc", "ppc", "paid", "paidsearch", "paid search", "sem", "cpm", "cpa", "cpv", "paid-search"}
)
PAID_SOCIAL = frozenset({"paid social", "paidsocial", "paid-social", "social-paid"})
MAIL = frozenset({"email", "e-mail", "mail", "newsletter", "edm"})
SOCIAL_MEDIA = frozenset({"social", "social-media", "social media", "sns"})
