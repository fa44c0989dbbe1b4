### Paying by card.

card_payment = Pay by card
card_number = Card number
card_expiry = Expiry date (MM/YY)
card_cvc = Security code
pay_now = Pay now
bad_card_number = A card number has 12 to 19 digits.
bad_card_expiry = Enter month and year, such as 08/29.
bad_card_cvc = The security code has 3 or 4 digits.
card_never_kept = The card goes to the payment provider and is not kept here.
payment_declined = The payment was declined.
payment_failed = The payment did not go through; nothing was charged. Try again.
form_outdated = This page was too old. Try again.

# Why a payment was declined, by the name that the payment service gives it.
decline_reasons =
    .card_declined = The bank said no. Try another card.
    .insufficient_funds = There is not enough money on the card.
    .expired_card = The card has expired.
    .incorrect_cvc = The security code is wrong.
order_is_kept = Your order is placed. Pay now to complete it.
