"""Browsers inside apps, and brands that ua-parser does not tell, by what their user agents have in them.

Sources: the operators' documentation and the user agents that their apps send. The first that is found counts: NAVER's
app has Whale's engine in its name.
"""

IN_APP = (
    ("kakaotalk", "KakaoTalk"),
    ("kakaostory", "KakaoStory"),
    ("naver(inapp", "NAVER"),
    ("daumapps", "Daum"),
    (" band/", "BAND"),
    ("everytimeapp", "Everytime"),
    ("instagram ", "Instagram"),
    ("barcelona ", "Threads"),
    ("fban/barcelona", "Threads"),
    ("messengerforios", "Facebook Messenger"),
    ("fb_iab/messenger", "Facebook Messenger"),
    ("fb_iab/orca", "Facebook Messenger"),
    ("fban/", "Facebook"),
    ("fb_iab/", "Facebook"),
    ("fbav/", "Facebook"),
    ("metaiab facebook", "Facebook"),
    (" line/", "LINE"),
    ("musical_ly", "TikTok"),
    ("bytedancewebview", "TikTok"),
    ("tiktok ", "TikTok"),
    ("trill_", "TikTok"),
    ("aweme", "Douyin"),
    ("wxwork", "WeCom"),
    ("micromessenger/", "WeChat"),
    ("weibo (", "Weibo"),
    ("__weibo__", "Weibo"),
    ("xiaohongshu", "RedNote"),
    ("dingtalk/", "DingTalk"),
    ("alipayclient", "Alipay"),
    ("snapchat", "Snapchat"),
    ("[pinterest/", "Pinterest"),
    ("pinterest for", "Pinterest"),
    ("twitter for", "X"),
    ("twitterandroid", "X"),
    ("linkedinapp", "LinkedIn"),
    ("telegram-android/", "Telegram"),
    (" reddit/", "Reddit"),
    ("yahoomobile", "Yahoo"),
    (" gsa/", "Google app"),
    ("baiduboxapp", "Baidu"),
    ("zalo ", "Zalo"),
    ("samsungbrowser/", "Samsung Internet"),
    ("whale/", "Whale"),
    ("yabrowser/", "Yandex Browser"),
    ("duckduckgo/", "DuckDuckGo"),
    (" ddg/", "DuckDuckGo"),
    ("vivaldi/", "Vivaldi"),
    ("silk/", "Silk"),
)
"""(part of the user agent in lower case, name)."""


BRANDS = {
    "Brave": "Brave",
    "Samsung Internet": "Samsung Internet",
    "Opera GX": "Opera GX",
    "Opera": "Opera",
    "DuckDuckGo": "DuckDuckGo",
    "Whale": "Whale",
    "YaBrowser": "Yandex Browser",
    "Yandex": "Yandex Browser",
    "Vivaldi": "Vivaldi",
    "Ecosia": "Ecosia",
    "Avast Secure Browser": "Avast Secure Browser",
    "AVG Secure Browser": "AVG Secure Browser",
    "CCleaner Browser": "CCleaner Browser",
    "Norton Private Browser": "Norton Private Browser",
    "Oculus Browser": "Oculus Browser",
    "Meta Quest Browser": "Oculus Browser",
    "Arc": "Arc",
    "ChatGPT Atlas": "ChatGPT Atlas",
    "Comet": "Comet",
}
"""Brands of Sec-CH-UA that say more than the user agent does, and the browsers' names. Chromium, Chrome and Edge are
not among them: their user agents tell."""


def in_app(ua: str) -> str:
    """The app or brand that ``ua`` names; "" for none."""
    text = ua.lower()
    return next((name for part, name in IN_APP if part in text), "")
