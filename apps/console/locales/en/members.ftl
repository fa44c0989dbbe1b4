### Those who shop here.

members = Members
members_text = Who registered in this shop, the newest first. Find one by the whole e-mail address.
login = E-mail address
find = Find
show_all = Show all
nobody_found = Nobody is registered with this address.
no_members = Nobody has registered yet.
name = Name
unnamed = No name given
language = Language
no_language = Not chosen
member_since = Registered
profile = Profile
orders = Orders
no_orders = Has not ordered yet.
orders_away = The orders cannot be shown right now. Try again in a moment.
order = Order
status = Status
content = Content
total = Total
placed_at = Placed
to_members = All members
units = { $n ->
    [one] { $n } item
   *[other] { $n } items
}
