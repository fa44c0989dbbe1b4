### The cart.

cart = Cart
cart_empty = Your cart is empty.
go_shopping = Look around the shop
update = Update
remove = Remove
subtotal = Subtotal
each = each
line_gone = This product is no longer sold. Remove it to go on.
gone_product = A product that is gone
to_checkout = Go to checkout
shipping_at_checkout = Shipping is added at checkout.
bad_quantity = The quantity must be a whole number from 1 to 10,000.
cart_full = A cart holds at most 100 lines.
cart_not_sellable = This product is not on sale.
cart_has_gone_lines = Remove what is no longer sold, then go to checkout.
cart_has_short_lines = Take less of what there is not enough of, then go to checkout.
cart_line_missing = This is not in your cart any more.
save_for_later = Save for later
saved_for_later = Saved for later
move_to_cart = Move to cart
saved_full = At most 100 lines can be saved for later.
