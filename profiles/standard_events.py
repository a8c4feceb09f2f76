"""Names of events that every site may send and that a profile always counts by name."""

STANDARD_EVENTS = (
    *("Page Viewed", "Product Viewed", "Product Added", "Order Completed", "Offer Viewed", "Offer Clicked"),
    *("Offer Dismissed", "Product List Viewed", "Product Clicked", "Product Removed", "Products Searched"),
    *("Cart Viewed", "Checkout Started", "Checkout Step Viewed", "Checkout Step Completed"),
    *("Payment Info Entered", "Order Refunded", "Order Cancelled", "Order Updated", "Product Dismissed"),
    *("Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart"),
    *("Product Reviewed", "Product Shared", "Cart Shared", "Wishlist Shared", "Review Submitted"),
    *("Comment Added", "Question Asked", "Question Answered", "Coupon Entered", "Coupon Applied"),
    *("Coupon Denied", "Coupon Removed", "Promotion Viewed", "Promotion Clicked"),
    *("Order Shipped", "Order Delivered", "Order Returned"),
)
"""``profiles.encoding`` stores a name as its place here: new ones go last."""
