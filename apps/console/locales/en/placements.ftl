### Placements: in which databases and tables the orders lie.

placements = Placements
placements_text = Orders are spread over cells: a database and one of its tables. A placement says which cells this shop uses. A new version takes new orders; the old ones stay where they are, because an order's id names its cell for ever. The counts may be a minute old.
versions = Versions
version = Version
version_no = Version { $n }
databases = Databases
tables = Tables
cells = Cells
state = State
effective_from = In effect since
from_the_start = the beginning
draft = not used yet
active = active
read_only = old orders only
retired = empty
range = { $first } to { $last }
orders = Orders
orders_in = { $n ->
    [one] { $n } order
   *[other] { $n } orders
} in { $cells ->
    [one] { $cells } cell
   *[other] { $cells } cells
}
no_orders = There are no orders yet.
spread = How the orders are spread
map = Map of the cells
map_text = Rows are databases 0 to 31, columns are tables 0 to 31. The table below has the numbers.
map_few = few orders
map_many = many orders
map_home = cells of the active version
cell = Cell
database_file = Database
table = Table
share = Share
evenness = Evenness
is_even = The orders are spread evenly.
is_uneven = Some cells have clearly more orders than others. That happens when a few shoppers order much.
is_very_uneven = The orders are spread unevenly: a few cells have most of them.
too_few = There are too few orders to tell how evenly they are spread.
fullest = Fullest cell
emptiest = Emptiest cell
times = { $n } × the average
dispersion = Dispersion
dispersion_text = χ² by degrees of freedom: near 1 is what chance brings. The orders of one shopper lie in one cell, so somewhat more is normal.
decode = What an id says
decode_text = Any id: of an order, a payment, a parcel, a product.
id = Id
decode_now = Decode
bad_id = An id is a number of up to 19 digits, such as 117883621376000000.
made_at = Made
database = Database
worker = Worker
sequence = Number within its millisecond
made_by = Placement that may have made it
made_by_none = No version of this shop's placement has this cell: it is not an order, payment or parcel of this shop.
not_sharded = Cell 00/00 is also that of everything that is not spread, such as products and members.
in_the_future = This time has not come yet: is the id mistyped?
as_order = Look for an order with this id
