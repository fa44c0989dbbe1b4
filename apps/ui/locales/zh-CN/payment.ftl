### Paying by card.

card_payment = 银行卡支付
card_number = 卡号
card_expiry = 有效期（MM/YY）
card_cvc = 安全码
pay_now = 立即支付
bad_card_number = 卡号为 12 到 19 位数字。
bad_card_expiry = 请输入月/年，例如 08/29。
bad_card_cvc = 安全码为 3 或 4 位数字。
card_never_kept = 银行卡信息直接提交支付机构，本站不保存。
payment_declined = 支付被拒绝。
payment_failed = 支付未成功，未扣款，请重试。
form_outdated = 页面已过期，请重试。

# Why a payment was declined, by the name that the payment service gives it.
decline_reasons =
    .card_declined = 银行拒绝了该交易，请换一张卡。
    .insufficient_funds = 卡内余额不足。
    .expired_card = 银行卡已过期。
    .incorrect_cvc = 安全码错误。
order_is_kept = 订单已提交，请完成付款。
