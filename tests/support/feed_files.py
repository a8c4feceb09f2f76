"""Made-up feeds and product exports of each kind, for the tests of imports."""

GOOGLE_XML = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
<item><g:id>T/1</g:id><g:title><![CDATA[Tee & co — 셔츠]]></g:title><link>https://shop.example/t?a=1&amp;b=2</link>
<g:image_link>https://shop.example/t.jpg</g:image_link><g:availability>in_stock</g:availability>
<g:price>1,299.00 EUR</g:price><g:sale_price>999.00 EUR</g:sale_price>
<g:sale_price_effective_date>2026-11-01T00:00+0900/2036-12-30T23:59+0900</g:sale_price_effective_date>
<g:item_group_id>T</g:item_group_id><g:product_type>Home &gt; Women &gt; Tops</g:product_type><g:brand>B</g:brand>
<g:gtin>4006381333931</g:gtin><g:shipping><g:price>5 EUR</g:price></g:shipping></item>
<item><g:id>T/2</g:id><title>Tee&nbsp;L</title><g:availability>out of stock</g:availability><g:price>19.99 USD</g:price>
<g:item_group_id>T</g:item_group_id></item>
<item><g:id>T/3</g:id><title>Pre</title><g:availability>preorder</g:availability><g:price>7 EUR</g:price></item>
</channel></rss>
"""

GOOGLE_TSV = (
    "id\ttitle\tdescription\tlink\timage link\tavailability\tprice\titem group id\n"
    'A1\tTea\t"x"\thttps://s.example/a\thttps://s.example/a.jpg\tin stock\t12.50 EUR\t\n'
    "A2\tPot\t\thttps://s.example/b\t\tdiscontinued\t7 EUR\tP\n"
)

FACEBOOK_CSV = (
    "id,title,description,availability,condition,price,link,image_link,brand,google_product_category,sale_price\n"
    'f1,"Tea, green","says ""hi""\nand more",in stock,new,9.99 EUR,https://s.example/f1,https://s.example/f1.jpg,B,'
    "Food > Tea,8.99 EUR\n"
    "f2,Cup,,available for order,new,5.00 EUR,https://s.example/f2,,B,2271,\n"
    "f3,Old,,discontinued,new,5.00 EUR,https://s.example/f3,,B,2271,\n"
)

SHOPIFY_CSV = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,"
    "Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,"
    "Variant Compare At Price,Image Src,Status\n"
    'tee,Tee,"<p>a,\nb</p>",V,Shirts,"a, b",true,Size,S,TEE-S,shopify,0,deny,20.00,30.00,https://cdn/x.jpg,active\n'
    "tee,,,,,,,,M,TEE-M,shopify,4,deny,20.00,,,\n"
    "tee,,,,,,,,,,,,,,,https://cdn/y.jpg,\n"
    "hat,Hat,,V,Hats,,true,Title,Default Title,,,,,15.00,,https://cdn/h.jpg,draft\n"
)

WOOCOMMERCE_CSV = (
    'ID,Type,SKU,Name,Published,"Is featured?","Visibility in catalog","In stock?",Stock,"Backorders allowed?",'
    '"Sale price","Regular price",Categories,Images,Parent\n'
    '10,variable,TS,T-Shirt,1,0,visible,1,,0,,,"Clothing > Shirts, New",https://w/x.jpg,\n'
    "11,variation,TS-S,T-Shirt - S,1,0,visible,1,5,0,15,20,,https://w/s.jpg,id:10\n"
    "12,variation,TS-M,T-Shirt - M,1,0,visible,0,0,0,,20,,,TS\n"
    '13,simple,X,Hidden,1,0,hidden,backorder,,1,,9,Misc,"https://w/1.jpg, https://w/2.jpg",\n'
)

CAFE24_CSV = (
    "상품코드,자체 상품코드,상품명,진열상태,판매상태,판매가,브랜드\n"
    'P0000001,MY-1,녹차,Y,Y,12900,다원\nP0000002,,찻잔,Y,품절,"8,000",다원\nP0000003,,거름망,N,Y,3000원,\n'
)
