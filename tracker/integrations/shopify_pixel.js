/* Dangol: a custom pixel for Shopify (Settings → Customer events → Add custom pixel).
 * Browsing only: orders come by webhook, since a page may be closed before it tells of one. */
(() => {
  const HOST = '%HOST%', KEY = '%KEY%';

  const digits = id => String(id ?? '').match(/\d+$/)?.[0];

  const product = (variant, quantity) => variant && {
    product_id: digits(variant.product?.id),
    variant: digits(variant.id),
    sku: variant.sku || undefined,
    name: variant.product?.title,
    brand: variant.product?.vendor || undefined,
    category: variant.product?.type || undefined,
    price: variant.price?.amount,
    currency: variant.price?.currencyCode,
    quantity
  };

  const products = lines => (lines ?? []).map(line => product(line.merchandise ?? line.variant, line.quantity));

  const checkout = ({ checkout }) => ({
    checkout_id: checkout?.token,
    currency: checkout?.currencyCode,
    value: checkout?.totalPrice?.amount,
    products: products(checkout?.lineItems)
  });

  const EVENTS = {
    product_viewed: ['Product Viewed', data => product(data.productVariant)],
    product_added_to_cart: ['Product Added', data => product(data.cartLine?.merchandise, data.cartLine?.quantity)],
    product_removed_from_cart: ['Product Removed', data => product(data.cartLine?.merchandise, data.cartLine?.quantity)],
    cart_viewed: ['Cart Viewed', data => ({ products: products(data.cart?.lines) })],
    collection_viewed: ['Product List Viewed', data => ({
      list_id: digits(data.collection?.id), category: data.collection?.title
    })],
    search_submitted: ['Products Searched', data => ({ query: data.searchResult?.query })],
    checkout_started: ['Checkout Started', checkout],
    checkout_contact_info_submitted: ['Checkout Step Completed', data => ({ ...checkout(data), step: 'contact' })],
    checkout_address_info_submitted: ['Checkout Step Completed', data => ({ ...checkout(data), step: 'address' })],
    checkout_shipping_info_submitted: ['Checkout Step Completed', data => ({ ...checkout(data), step: 'shipping' })],
    payment_info_submitted: ['Payment Info Entered', checkout]
  };

  const message = async (event, what) => {
    const { document: page, navigator, window } = event.context ?? {};
    const cookie = await Promise.resolve(browser.cookie.get('dangol_v')).catch(() => '');
    return {
      ...what,
      messageId: event.id,
      timestamp: event.timestamp,
      anonymousId: cookie || event.clientId,
      context: {
        library: { name: 'shopify-pixel', version: '1' },
        page: { url: page?.location?.href, title: page?.title, referrer: page?.referrer },
        locale: navigator?.language,
        userAgent: navigator?.userAgent,
        screen: { width: window?.screen?.width, height: window?.screen?.height }
      }
    };
  };

  const send = async (event, what) => {
    const body = { writeKey: KEY, sentAt: new Date().toISOString(), batch: [await message(event, what)] };
    await fetch(HOST + '/v1/batch', { method: 'POST', body: JSON.stringify(body), keepalive: true });
  };

  const on = (name, what) => analytics.subscribe(name, event => send(event, what(event)).catch(() => {}));
  const customer = digits(init.data?.customer?.id);

  on('page_viewed', () => ({ type: 'page', userId: customer }));
  for (const [name, [sent, properties]] of Object.entries(EVENTS)) {
    on(name, event => ({ type: 'track', event: sent, properties: properties(event.data ?? {}), userId: customer }));
  }

  /* Connects this browser with the order's customer, by the id that the order's webhook gives them. */
  on('checkout_completed', ({ data }) => ({
    type: 'identify',
    userId: digits(data?.checkout?.order?.customer?.id) || customer || data?.checkout?.email?.trim().toLowerCase()
  }));
})();
