### Statuses and operations of flows, by the names that flows usually give them. A flow may name anything;
### its own label is shown first.

statuses =
    .PENDING_PAYMENT = To pay
    .ACCEPTED = Accepted
    .CONFIRMED = Confirmed, cash on delivery
    .PAID = Paid
    .PACKED = Packed
    .SHIPPING = Leaving the warehouse
    .SHIPPED = Shipped
    .DELIVERED = Delivered
    .RECEIVED = Received
    .COMPLETED = Completed
    .CLOSED = Closed
    .CANCELLED = Cancelled
    .REFUNDING = Refund under way
    .REFUNDED = Refunded

operations =
    .begin = Placed
    .place = Placed
    .pay = Paid
    .collect = Cash collected
    .confirm_cash = Cash on delivery accepted
    .pack = Packed
    .begin_shipping = Leaving the warehouse
    .ship = Shipped
    .deliver = Delivered
    .receive = Confirm receipt
    .complete = Completed
    .cancel = Cancel the order
    .close = Closed
    .close_refunded = Closed, refunded
    .refund = Refund
    .refund_late_payment = Late payment refunded
