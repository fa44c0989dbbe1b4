### The list of shops on a host that belongs to none.

shops = Shops
shops_text = These shops run here.
no_shops = No shop runs here yet.
