### Orders: the list, and one order.

orders = Orders
order = Order
order_no = Order { $id }
filters = Narrow the list
find_text = Find
find_hint = Order number, product, code, recipient, login
status = Status
any = Any
payment_method = Payment
from_day = From
to_day = To
filter = Show
clear = Show all
not_a_day = A day as 2026-03-31.
no_orders = There are no orders yet.
no_orders_match = No order matches.
counted = { $n ->
    [one] { $n } order, { $money } paid
   *[other] { $n } orders, { $money } paid
}
counted_lately = Last 30 days: { $n ->
    [one] { $n } order, { $money } paid
   *[other] { $n } orders, { $money } paid
}
placed = Placed
member = Member
member_no = Member { $id }
total = Total
paid = Paid
units = { $n ->
    [one] { $n } unit
   *[other] { $n } units
}
pay_card = Card
pay_cash = Cash on delivery

actions = What can be done
actions_none = Nothing can be done now.
confirm_move = Do this now? It cannot be undone.
note = Note
note_hint = Goes into the history.
stale = Somebody else has changed this order meanwhile. This is how it stands now; your note was kept.
moved_done = Done.
not_now = This is not possible now: { $status }

lines = Lines
product = Product
price = Price
quantity = Quantity
sum = Sum
shipped = Shipped
subtotal = Subtotal
shipping_fee = Shipping
refunded = Refunded
facts = About this order
deliver_to = Deliver to
note_of_buyer = Note of the buyer
all_of_member = All orders of this member
channel = Channel
flow_version = Flow version
version = Changes

payments = Payments
payments_none = Nothing has been paid.
provider = By
provider_test_card = Test card
provider_cash = Cash
card_ending = { $brand } ending in { $last }
state = State
state_pending = Open
state_captured = Paid
state_declined = Declined
state_failed = Failed
amount = Amount
when = When
who = Who
refunds = Refunds
reason = Reason
refund_done = Done
refund_open = On its way
refund = Refund
refund_amount = Amount to refund
refund_reason = Reason of the refund
refund_confirm = Give this money back?
refunded_done = The refund is on its way.
underway = This was sent already and is being done. Look again in a moment before you send it anew.
only_refundable = Only { $money } can be refunded.
not_an_amount = An amount such as 12.50.
collect_cash = Book the cash
collect_hint = Whoever delivered the order has handed in this amount.
collected_done = The cash is booked.

parcels = Parcels
parcels_none = Nothing has left yet.
to_ship = To ship
to_ship_hint = What goes into this parcel; all that is left unless you change it.
left = { $n } left
only_left = Only { $n } are left.
not_shippable = This order cannot be shipped now.
ship = Ship
carrier = Carrier
tracking_number = Tracking number
number_taken = This number is used for another parcel of this order.
nothing_chosen = Put at least one unit into the parcel.
not_a_number = A number of units.
warehouse = Warehouse
any_warehouse = Any that has it
shipped_done = The parcel is on its way.
left_shop = Left the warehouse
arrived = Arrived
on_its_way = On its way
track = Where it is
location = Place
what_happened = What happened
add_tracking = Add
tracked_done = Added.
mark_delivered = It has arrived
delivered_confirm = Has this parcel arrived?
delivered_done = The parcel has arrived.

history = History
the_platform = The platform
the_buyer = The buyer
staff_no = Staff { $id }
unknown_here = Unknown
by_timer = By its timer
by_payment = Payment { $id }

where_it_lies = Where it lies
database = Database
table = Table
worker = Worker
sequence = Number in its millisecond
made_at = Number made
