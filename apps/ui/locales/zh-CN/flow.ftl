### Statuses and operations of flows, by the names that flows usually give them. A flow may name anything;
### its own label is shown first.

statuses =
    .PENDING_PAYMENT = 待付款
    .ACCEPTED = 已接单
    .CONFIRMED = 已确认，货到付款
    .PAID = 已付款
    .PACKED = 已打包
    .SHIPPING = 出库中
    .SHIPPED = 已发货
    .DELIVERED = 已送达
    .RECEIVED = 已收货
    .COMPLETED = 已完成
    .CLOSED = 已关闭
    .CANCELLED = 已取消
    .REFUNDING = 退款中
    .REFUNDED = 已退款

operations =
    .begin = 提交订单
    .place = 提交订单
    .pay = 付款
    .collect = 收取货款
    .confirm_cash = 确认货到付款
    .pack = 打包
    .begin_shipping = 开始出库
    .ship = 发货
    .deliver = 送达
    .receive = 确认收货
    .complete = 完成
    .cancel = 取消订单
    .close = 关闭
    .close_refunded = 已退款，关闭
    .refund = 退款
    .refund_late_payment = 退还逾期付款
