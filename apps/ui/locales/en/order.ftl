### Orders: the list, one order, its parcels.

order = Order
my_orders = My orders
no_orders = You have not ordered anything yet.
placed_at = Placed
payment = Payment
payment_processing = Your payment is being processed. The page looks again by itself.
waits_for_payment = This order waits for your payment.
paid = Paid
refunded = Refunded
history = History
parcels = Parcels
tracking_number = Tracking number
shipped_at = Sent
delivered_at = Delivered
what_you_can_do = What you can do
delivery_and_payment = Delivery and payment
items = Items
by_buyer = you
by_staff = shop
by_system = system
order_stale = The order was changed meanwhile; this is how it stands now.
order_not_allowed = This is not possible now; this is how the order stands.
order_no = Order { $id }
units = { $n ->
    [one] { $n } item
   *[other] { $n } items
}
thank_you = Thank you for your order!
thanks_number = Your order number is { $id }.
next_packing = Everything is paid. The shop packs your order now; as soon as a parcel leaves you can follow it here.
next_packing_cash = The shop packs your order now. You pay { $total } to whoever brings it.
next_sent = Your parcel is on its way. Its journey stands below.
look_again = Look again
refund_under_way = Refund under way
payments = Payments
payment_pending = Being processed
payment_declined_short = Declined
payment_failed_short = Not completed
not_sent_yet = Not sent yet
parcel_arrived = Arrived
parcel_on_its_way = On its way
card_ending = { $brand } •••• { $last }
parcel_no = Parcel { $n } of { $of }
all_orders = All
no_orders_in_status = None of your orders stands there now.
narrow_orders = Show orders by status
cancel_order_sure = Cancel this order? This cannot be taken back.
