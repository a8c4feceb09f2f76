<?php
// An offer in a page that PHP renders. DANGOL and DANGOL_SECRET_KEY are read from the environment. See docs/offers.md.

define('SECONDS', (float) (getenv('DANGOL_SECONDS') ?: 0.2));
const OWN = '<section><h1>Our own headline</h1></section>';

/** The visitor's id, new ones with their cookie; "" for who does not want to be tracked. */
function visitor(): string {
    if (($_SERVER['HTTP_SEC_GPC'] ?? '') === '1' || ($_SERVER['HTTP_DNT'] ?? '') === '1') return '';
    $known = $_COOKIE['dangol_v'] ?? '';
    if (is_string($known) && preg_match('/\A[\w.~-]{1,100}\z/', $known)) return $known;
    $made = bin2hex(random_bytes(16));
    setcookie('dangol_v', $made, ['expires' => time() + 34128000, 'path' => '/', 'samesite' => 'Lax',
        'secure' => !empty($_SERVER['HTTPS'])]);
    return $made;
}

/** The slot's answer; [] when there is none in time. */
function requested(string $who, string $slot, string $url): array {
    $body = json_encode(['visitor' => $who, 'page' => ['url' => $url], 'slots' => [['id' => $slot, 'kind' => 'offer']]]);
    $context = stream_context_create(['http' => ['method' => 'POST', 'content' => $body, 'timeout' => SECONDS,
        'header' => "Content-Type: application/json\r\nAuthorization: Bearer " . getenv('DANGOL_SECRET_KEY')]]);
    $answer = @file_get_contents(getenv('DANGOL') . '/v1/personalize', false, $context);
    return json_decode($answer ?: '', true)['slots'][$slot] ?? [];
}

function section(array $answer, string $slot): string {
    $offer = $answer['offer'] ?? null;
    if (!isset($offer['content']['title'])) return OWN;
    $told = json_encode(['offer' => ['campaign' => $offer['campaign'], 'variant' => $offer['variant']],
        'slot' => $slot, 'token' => $answer['token']]);
    $link = $offer['content']['link'] ?? '/';
    $link = preg_match('#\A(/|https://)#', $link) ? $link : '/';
    return '<section data-dangol-offer="' . htmlspecialchars($told) . '"><h1>' . htmlspecialchars($offer['content']['title'])
        . '</h1><a href="' . htmlspecialchars($link) . '">Have a look</a><button data-dangol-dismiss>Close</button></section>';
}

$who = visitor();
header('Content-Type: text/html; charset=utf-8');
header('Cache-Control: private, no-store');
$page = section($who === '' ? [] : requested($who, 'hero', 'http://' . $_SERVER['HTTP_HOST'] . $_SERVER['REQUEST_URI']), 'hero');
echo "<!doctype html><title>Shop</title><main>$page</main>";
