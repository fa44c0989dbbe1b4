### The checkout.

checkout = Checkout
where_to = Where does it go?
how_to_pay = How do you pay?
your_order = Your order
new_address = Another address
address = Address
recipient = Recipient
phone = Phone
country = Country (two letters)
country_hint = such as CN
region = Province or state
city = City
street = Street, house, flat
postal_code = Postal code
pay_by_card = By card
pay_by_card_hint = You enter the card on the next page.
cash_on_delivery = Cash on delivery
cash_hint = You pay whoever brings the parcel.
note_to_shop = A word to the shop
shipping = Shipping
shipping_free = free
total = Total
tax_included = Tax included
place_order = Place order
back_to_cart = Back to the cart
price_changed = The price has changed. Look at the new total, then place the order again.
checkout_over = Your cart was changed meanwhile. Look at the order again before you place it.
order_line_gone = Something in your order is no longer sold:
sold_out_lines = There is not enough of this:
change_cart = Change the cart
too_many_addresses = Your address book is full; choose one of its addresses.
choose_address = Choose an address.
choose_payment = Choose how you pay.
fill_this = Fill this in.
too_long = This is too long.
not_understood = This is not valid.
look_below = Some entries need another look.
placing = Your order is being placed
placing_text = This takes a moment. The page looks again by itself.
wanted_available = { $wanted } wanted, { $available } left
too_many_unpaid = { $n ->
    [one] You have an unpaid order; pay or cancel it first.
   *[other] You have { $n } unpaid orders; pay or cancel one first.
}
delivery = Delivery
standard_delivery = Standard delivery
delivery_hint = One price for the whole order, however many parcels it takes.
edit_addresses = Edit your addresses
new_address_kept = It is kept in your address book for the next time.
